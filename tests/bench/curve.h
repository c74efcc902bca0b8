/* Curves and bars as SVG, for README files and browsers: plain shapes and text, no script, no style sheet. */
#ifndef BENCH_CURVE_H
#define BENCH_CURVE_H

#include <smki/error.h>

#include <stdbool.h>
#include <stddef.h>

struct curve {
    const char *name; /* in the legend */
    const double *x, *y;
    size_t count;
};

#define PANEL_CURVES 4

/* One pair of axes, of which a picture has one or several, above each other. */
struct panel {
    const char *x_words, *y_words; /* "certificates stored", "a second": with the unit */
    bool steps;                    /* x are steps like 1, 2, 4 ... : as wide apart, each with its number */
    double line;                   /* a bar or bound, drawn across; 0: none */
    const char *line_words;
    struct curve curves[PANEL_CURVES];
    size_t count;
};

/* Errors: IO and what else can go wrong with a file. */
int curve_write(const char *path, const char *title, const struct panel *panels, size_t count, struct smki_error *err);

struct pillar {
    const char *name;
    double value;
    bool ours;
};

/* Bars below each other, on a logarithmic scale when they differ much, which is said; those that are 0 are said to be missing. */
int pillars_write(const char *path, const char *title, const char *words, const struct pillar *pillars, size_t count,
                  struct smki_error *err);

#endif
