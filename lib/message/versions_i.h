/* expat and libzip of Debian 12 and 13: the newer ones gave some functions new names and deprecated the old. */
#ifndef SMKI_MESSAGE_VERSIONS_I_H
#define SMKI_MESSAGE_VERSIONS_I_H

#include <expat.h>
#include <zip.h>

#include <stdint.h>

#define EXPAT_2_9   (XML_MAJOR_VERSION > 2 || (XML_MAJOR_VERSION == 2 && XML_MINOR_VERSION >= 9))
#define LIBZIP_1_10 (LIBZIP_VERSION_MAJOR > 1 || (LIBZIP_VERSION_MAJOR == 1 && LIBZIP_VERSION_MINOR >= 10))

/* Where the parser stands: line from 1, column from 0, octets from the start (negative before the first). */
static inline uint64_t expat_line(XML_Parser parser)
{
#if EXPAT_2_9
    return XML_GetCurrentLineNumber64(parser);
#else
    return XML_GetCurrentLineNumber(parser);
#endif
}

static inline uint64_t expat_column(XML_Parser parser)
{
#if EXPAT_2_9
    return XML_GetCurrentColumnNumber64(parser);
#else
    return XML_GetCurrentColumnNumber(parser);
#endif
}

static inline int64_t expat_offset(XML_Parser parser)
{
#if EXPAT_2_9
    return XML_GetCurrentByteIndex64(parser);
#else
    return XML_GetCurrentByteIndex(parser);
#endif
}

/* One entry of an archive as a source, still packed; end with zip_source_free. */
static inline zip_source_t *libzip_entry_source(zip_t *zip, uint64_t index)
{
#if LIBZIP_1_10
    return zip_source_zip_file(zip, zip, index, ZIP_FL_COMPRESSED | ZIP_FL_UNCHANGED, 0, -1, NULL);
#else
    return zip_source_zip(zip, zip, index, ZIP_FL_COMPRESSED | ZIP_FL_UNCHANGED, 0, -1);
#endif
}

#endif
