/* The map of libsmki. */
#ifndef SMKI_SMKI_H
#define SMKI_SMKI_H
#endif
