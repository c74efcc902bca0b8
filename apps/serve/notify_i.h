/* What the service manager is told (sd_notify(3)), without its library: a datagram to $NOTIFY_SOCKET. */
#ifndef SERVE_NOTIFY_I_H
#define SERVE_NOTIFY_I_H

void notify_ready(const char *status);
void notify_reloading(void);
void notify_stopping(void);

#endif
