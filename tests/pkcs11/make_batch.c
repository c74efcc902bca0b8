/* make_batch N FILE FIRST: a batch of N requests as XML, for the devices from FIRST (16 hexadecimal digits) on. */
#include "bench/document.h"
#include "requests.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    const size_t count = argc == 4 ? strtoul(argv[1], NULL, 10) : 0;
    struct request *requests = count != 0 ? requests_make(count, strtoull(argv[3], NULL, 16)) : NULL;
    struct smki_error err = {0};
    int rc = requests == NULL ? 1 : document_make(argv[2], SMKI_BATCH_XML, requests, count, &err);

    if (rc != 0)
        fprintf(stderr, "make_batch: %s\n", requests == NULL ? "make_batch N FILE FIRST" : err.text);
    free(requests);
    return rc != 0;
}
