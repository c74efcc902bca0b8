/* Prints apps/smki/errors.md from the one list of refusals: `meson compile errors-md` writes it, the test errors_md compares. */
#include <smki/error.h>

#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    size_t count;
    const struct smki_refusal *list = smki_refusal_list(&count);

    puts("# Every way to say no\n\n"
         "Made from the list in include/smki/error.h (`meson compile -C build-tests errors-md`).\n\n"
         "- **name**: in messages, JSON and the audit log; in C it is `SMKI_<name>`, the negative of the number.\n"
         "- **status** and **code**: what the web services and the batch report say.\n"
         "- **HTTP**: the status of an HTTP answer.\n\n"
         "| number | name | status | code | HTTP | what it means |\n"
         "|---|---|---|---|---|---|");
    for (size_t i = 0; i < count; i++)
        printf("| %d | %s | %s | %s | %d | %s |\n", -list[i].code, list[i].name, smki_status_word(list[i].status), list[i].wire_code,
               list[i].http_status, list[i].text);
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
