/* See curve.h. */
#include "curve.h"

#include "base/base_i.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define WIDTH        900.0
#define LEFT         100.0
#define RIGHT        40.0
#define TOP          60.0
#define PANEL_HEIGHT 280.0 /* of the axes */
#define PANEL_STEP   370.0 /* from one to the next */
#define PLOT_WIDTH   (WIDTH - LEFT - RIGHT)
#define TICKS_X      9.0 /* about so many on an axis */
#define TICKS_Y      5.0
#define LOGARITHMIC  20.0 /* times: bars that differ by more have a logarithmic scale */
#define ROW_HEIGHT   34.0
#define NAMES_WIDTH  330.0

static const char *const colours[PANEL_CURVES] = {"#1b6ca8", "#c2410c", "#2f7d32", "#6d28d9"};

struct axis {
    double most, step; /* from 0 */
};

/* ---- the file ---- */

static void text_put(FILE *file, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '&' || *text == '<' || *text == '>')
            fprintf(file, "&#%d;", *text);
        else
            fputc(*text, file);
    }
}

static void words_put(FILE *file, double x, double y, const char *anchor, int size, const char *more, const char *text)
{
    fprintf(file, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" font-size=\"%d\" %s>", x, y, anchor, size, more);
    text_put(file, text);
    fputs("</text>\n", file);
}

static void line_put(FILE *file, double x1, double y1, double x2, double y2, const char *look)
{
    fprintf(file, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2, look);
}

static FILE *picture_begin(const char *path, const char *title, double height)
{
    FILE *file = fopen(path, "w");

    if (file == NULL)
        return NULL;
    fprintf(
        file,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 "
        "0 %.0f %.0f\" font-family=\"Liberation Sans, Arial, sans-serif\" fill=\"#222\">\n<title>",
        WIDTH, height, WIDTH, height);
    text_put(file, title);
    fprintf(file, "</title>\n<rect width=\"%.0f\" height=\"%.0f\" fill=\"#fff\"/>\n", WIDTH, height);
    words_put(file, WIDTH / 2, 30, "middle", 17, "font-weight=\"bold\"", title);
    return file;
}

static int picture_end(FILE *file, const char *path, struct smki_error *err)
{
    bool whole;

    if (file == NULL)
        return smki_fail_errno(err, errno, "%s", path);
    fputs("</svg>\n", file);
    whole = ferror(file) == 0;
    return fclose(file) == 0 && whole ? 0 : smki_fail_errno(err, errno, "%s", path);
}

/* ---- axes ---- */

/* "2,500,000", "0.25" */
static const char *tick_words(double value, double step, char out[40])
{
    char digits[40];
    size_t size, at = 0;

    if (step < 1) {
        snprintf(out, 40, "%.*f", step < 0.01 ? 4 : step < 0.1 ? 2 : 1, value);
        return out;
    }
    size = (size_t)snprintf(digits, sizeof(digits), "%.0f", value);
    for (size_t i = 0; i < size; i++) {
        out[at++] = digits[i];
        if (i + 1 < size && (size - i - 1) % 3 == 0)
            out[at++] = ',';
    }
    out[at] = '\0';
    return out;
}

/* From 0 to a round number above `most`, in steps of 1, 2 or 5 times a power of ten. */
static struct axis axis_of(double most, double ticks)
{
    const double rough = (most > 0 ? most : 1) / ticks, power = pow(10, floor(log10(rough)));
    const double step = rough <= power ? power : rough <= 2 * power ? 2 * power : rough <= 5 * power ? 5 * power : 10 * power;

    return (struct axis){.most = most > 0 ? ceil(most / step * 1.0001) * step : 1, .step = step};
}

static double most_of(const struct panel *panel, bool of_y)
{
    double most = of_y ? panel->line * 1.02 : 0;

    for (size_t i = 0; i < panel->count; i++)
        for (size_t k = 0; k < panel->curves[i].count; k++)
            most = fmax(most, (of_y ? panel->curves[i].y : panel->curves[i].x)[k]);
    return most;
}

struct plot {
    FILE *file;
    const struct panel *panel;
    struct axis x, y;
    double top;
};

static double place_x(const struct plot *plot, const struct curve *curve, size_t k)
{
    if (plot->panel->steps)
        return LEFT + PLOT_WIDTH * ((double)k + 0.5) / (double)curve->count;
    return LEFT + PLOT_WIDTH * curve->x[k] / plot->x.most;
}

static double place_y(const struct plot *plot, double y)
{
    return plot->top + PANEL_HEIGHT * (1 - y / plot->y.most);
}

static void steps_put(const struct plot *plot)
{
    const struct curve *curve = &plot->panel->curves[0];
    char words[40];

    for (size_t k = 0; k < curve->count; k++)
        words_put(plot->file, place_x(plot, curve, k), plot->top + PANEL_HEIGHT + 18, "middle", 12, "", tick_words(curve->x[k], 1, words));
}

static void ticks_put(const struct plot *plot)
{
    const double floor_y = plot->top + PANEL_HEIGHT;
    char words[40];

    for (double x = 0; !plot->panel->steps && x <= plot->x.most * 1.0001; x += plot->x.step) {
        const double at = LEFT + PLOT_WIDTH * x / plot->x.most;

        line_put(plot->file, at, floor_y, at, floor_y + 5, "stroke=\"#222\"");
        words_put(plot->file, at, floor_y + 18, "middle", 12, "", tick_words(x, plot->x.step, words));
    }
    if (plot->panel->steps)
        steps_put(plot);
    for (double y = 0; y <= plot->y.most * 1.0001; y += plot->y.step) {
        line_put(plot->file, LEFT, place_y(plot, y), LEFT + PLOT_WIDTH, place_y(plot, y), "stroke=\"#ddd\"");
        words_put(plot->file, LEFT - 8, place_y(plot, y) + 4, "end", 12, "", tick_words(y, plot->y.step, words));
    }
}

static void axes_put(const struct plot *plot)
{
    const double floor_y = plot->top + PANEL_HEIGHT, middle = plot->top + PANEL_HEIGHT / 2;
    char turn[60];

    ticks_put(plot);
    line_put(plot->file, LEFT, floor_y, LEFT + PLOT_WIDTH, floor_y, "stroke=\"#222\"");
    line_put(plot->file, LEFT, plot->top, LEFT, floor_y, "stroke=\"#222\"");
    words_put(plot->file, LEFT + PLOT_WIDTH / 2, floor_y + 38, "middle", 13, "", plot->panel->x_words);
    snprintf(turn, sizeof(turn), "transform=\"rotate(-90 24 %.1f)\"", middle);
    words_put(plot->file, 24, middle, "middle", 13, turn, plot->panel->y_words);
}

/* ---- curves ---- */

static void curve_put(const struct plot *plot, size_t index)
{
    const struct curve *curve = &plot->panel->curves[index];
    const double legend = LEFT + 12 + 210 * (double)index;

    fprintf(plot->file, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"", colours[index]);
    for (size_t k = 0; k < curve->count; k++)
        fprintf(plot->file, "%s%.1f,%.1f", k > 0 ? " " : "", place_x(plot, curve, k), place_y(plot, curve->y[k]));
    fputs("\"/>\n", plot->file);
    for (size_t k = 0; curve->count <= 40 && k < curve->count; k++)
        fprintf(plot->file, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", place_x(plot, curve, k), place_y(plot, curve->y[k]),
                colours[index]);
    fprintf(plot->file, "<rect x=\"%.1f\" y=\"%.1f\" width=\"14\" height=\"4\" fill=\"%s\"/>\n", legend, plot->top - 12, colours[index]);
    words_put(plot->file, legend + 20, plot->top - 6, "start", 12, "", curve->name);
}

static void panel_put(FILE *file, const struct panel *panel, double top)
{
    struct plot plot = {.file = file,
                        .panel = panel,
                        .top = top,
                        .x = axis_of(most_of(panel, false), TICKS_X),
                        .y = axis_of(most_of(panel, true), TICKS_Y)};

    plot.x.most = fmax(most_of(panel, false), plot.x.step); /* to where the curve ends */
    axes_put(&plot);
    if (panel->line > 0) {
        line_put(file, LEFT, place_y(&plot, panel->line), LEFT + PLOT_WIDTH, place_y(&plot, panel->line),
                 "stroke=\"#888\" stroke-width=\"1.5\" stroke-dasharray=\"6 4\"");
        words_put(file, LEFT + PLOT_WIDTH - 4, place_y(&plot, panel->line) - 5, "end", 12, "fill=\"#555\"", panel->line_words);
    }
    for (size_t i = 0; i < panel->count; i++)
        curve_put(&plot, i);
}

int curve_write(const char *path, const char *title, const struct panel *panels, size_t count, struct smki_error *err)
{
    FILE *file = picture_begin(path, title, TOP + 10 + PANEL_STEP * (double)count - 20);

    for (size_t i = 0; file != NULL && i < count; i++)
        panel_put(file, &panels[i], TOP + 10 + PANEL_STEP * (double)i);
    return picture_end(file, path, err);
}

/* ---- bars ---- */

/* The least and the most that is not 0. */
static void pillars_range(const struct pillar *pillars, size_t count, double *least, double *most)
{
    *least = INFINITY;
    *most = 0;
    for (size_t i = 0; i < count; i++) {
        *most = fmax(*most, pillars[i].value);
        if (pillars[i].value > 0)
            *least = fmin(*least, pillars[i].value);
    }
}

static void pillar_put(FILE *file, const struct pillar *pillar, double y, double length)
{
    char number[40];

    words_put(file, NAMES_WIDTH - 10, y + 20, "end", 13, pillar->ours ? "font-weight=\"bold\"" : "", pillar->name);
    fprintf(file, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"22\" fill=\"%s\"/>\n", NAMES_WIDTH, y + 4, length,
            pillar->ours ? colours[0] : "#9aa5b1");
    words_put(file, NAMES_WIDTH + length + 8, y + 20, "start", 13, "",
              pillar->value > 0 ? tick_words(pillar->value, pillar->value >= 10 ? 1 : 0.1, number) : "missing");
}

int pillars_write(const char *path, const char *title, const char *words, const struct pillar *pillars, size_t count,
                  struct smki_error *err)
{
    FILE *file = picture_begin(path, title, TOP + ROW_HEIGHT * (double)count + 50);
    char scale[120];
    double least, most;
    bool logarithmic;

    pillars_range(pillars, count, &least, &most);
    logarithmic = most > LOGARITHMIC * least;
    least /= 2; /* so that the shortest is seen */
    for (size_t i = 0; file != NULL && i < count; i++) {
        const double value = pillars[i].value, share = value <= 0 ? 0 : logarithmic ? log(value / least) / log(most / least) : value / most;

        pillar_put(file, &pillars[i], TOP + ROW_HEIGHT * (double)i, share * (WIDTH - NAMES_WIDTH - 140));
    }
    snprintf(scale, sizeof(scale), "%s%s", words, logarithmic ? ", on a logarithmic scale" : "");
    if (file != NULL)
        words_put(file, NAMES_WIDTH, TOP + ROW_HEIGHT * (double)count + 30, "start", 13, "", scale);
    return picture_end(file, path, err);
}
