/* Socket addresses as text: "127.0.0.1:8443", "[::1]:8443". */
#ifndef SERVE_ADDRESS_I_H
#define SERVE_ADDRESS_I_H

#include <smki/base.h>

#include <sys/socket.h>

#define ADDRESS_TEXT_SIZE 64

SMKI_MUST_USE int address_parse(struct sockaddr_storage *out, socklen_t *size, const char *text, struct smki_error *err);
/* The host alone, "127.0.0.1"; IPv4 that came through an IPv6 socket as IPv4. Returns out. */
const char *address_host(const struct sockaddr_storage *address, char out[ADDRESS_TEXT_SIZE]);
/* 16 octets that stand for the host. */
void address_key(const struct sockaddr_storage *address, uint8_t out[16]);
/* A listening socket, non-blocking. */
bool address_is_loopback(const struct sockaddr_storage *address);
SMKI_MUST_USE int address_listen(int *out, const char *text, struct smki_error *err);

#endif
