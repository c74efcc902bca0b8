/* Requests as a batch's file. */
#ifndef BENCH_DOCUMENT_H
#define BENCH_DOCUMENT_H

#include <smki/batch.h>

struct request;

/* The requests as a document or zip, whole or not at all: "meter-000001" and so on. */
int document_make(const char *path, enum smki_batch_form form, const struct request *requests, size_t count, struct smki_error *err);

#endif
