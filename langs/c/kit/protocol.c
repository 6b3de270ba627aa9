/* NDJSON by hand: integers, strings and flat maps are all there is. */
#include "kit/protocol.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit/clock.h"
#include "kit/exit.h"
#include "kit/text.h"

/* The longest line that is written whole is `end` with all its counters, well under 1 KiB. */
static char buffer[4096];
static struct text line;

static void add_separator(void)
{
    const char last = line.buffer[line.length - 1];
    text_add(&line, "%s", last == '{' ? "" : ",");
}

static void add_quoted(const char *string)
{
    text_add(&line, "\"");
    for (const char *c = string; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            text_add(&line, "\\%c", *c);
        } else if ((unsigned char)*c < 0x20) {
            text_add(&line, "\\u%04x", (unsigned)(unsigned char)*c);
        } else {
            text_add(&line, "%c", *c);
        }
    }
    text_add(&line, "\"");
}

static void add_key(const char *key)
{
    add_separator();
    add_quoted(key);
    text_add(&line, ":");
}

static void add_integer(const char *key, uint64_t value)
{
    add_key(key);
    text_add(&line, "%" PRIu64, value);
}

static void add_string(const char *key, const char *value)
{
    add_key(key);
    add_quoted(value);
}

static void begin_map(const char *key)
{
    add_key(key);
    text_add(&line, "{");
}

static void end_map(void)
{
    text_add(&line, "}");
}

static void begin_line(const char *type)
{
    line = text_in(buffer, sizeof buffer);
    text_add(&line, "{");
    add_string("type", type);
}

/* Writes what there is of the line, however many calls that takes, and goes on with an empty buffer. */
static void write_part(void)
{
    assert(!line.cut);
    for (size_t written = 0; written < line.length;) {
        const ssize_t step = write(STDOUT_FILENO, line.buffer + written, line.length - written);
        if (step >= 0) {
            written += (size_t)step;
        } else if (errno != EINTR) {
            perror("runner: stdout");
            exit(EXIT_FAILURE);
        }
    }
    line = text_in(buffer, sizeof buffer);
}

/* Closes the line and writes it. */
static void end_line(void)
{
    text_add(&line, "}\n");
    write_part();
}

void protocol_start(const struct start *start)
{
    begin_line("start");
    add_integer("format", 1);
    add_string("language", "c");
    add_string("toolchain", start->toolchain);
    begin_map("in_force");
    add_string("allocator", start->allocator.name);
    add_string("allocator_version", start->allocator.version);
    for (size_t i = 0; i < start->settings.count; i++) {
        add_integer(start->settings.items[i].name, start->settings.items[i].value);
    }
    add_integer("counting", start->counting ? 1 : 0);
    add_integer("zeroing", start->zeroing ? 1 : 0);
    end_map();
    add_integer("cpus", start->cpus);
    if (start->has_memory_limit) {
        add_integer("memory_limit", start->memory_limit);
    }
    add_integer("pid", start->pid);
    add_integer("cpu_resolution_ns", start->cpu_resolution_ns);
    end_line();
}

void protocol_ready(void)
{
    begin_line("ready");
    end_line();
}

void protocol_iteration(const struct iteration *iteration)
{
    const struct result *result = &iteration->result;
    char checksum[17];
    snprintf(checksum, sizeof checksum, "%016" PRIx64, result->checksum);
    begin_line("iteration");
    add_integer("index", iteration->index);
    add_string("phase", iteration->measured ? "measured" : "warmup");
    if (iteration->form != NULL) {
        add_string("form", iteration->form);
    }
    add_integer("start_ns", iteration->timing.start_ns);
    add_integer("elapsed_ns", iteration->timing.elapsed_ns);
    add_integer("cpu_ns", iteration->timing.cpu_ns);
    add_integer("operations", result->operations);
    add_integer("allocations", result->allocations);
    add_integer("allocated_bytes", result->allocated_bytes);
    add_integer("peak_live_bytes", result->peak_live_bytes);
    if (iteration->served != NULL) {
        add_integer("runtime_allocations", iteration->served->allocations);
        add_integer("runtime_bytes", iteration->served->bytes);
    }
    add_string("checksum", checksum);
    end_line();
}

void protocol_checkpoint(const struct checkpoint *checkpoint)
{
    begin_line("checkpoint");
    add_string("name", checkpoint->name);
    add_integer("at_ns", checkpoint->at_ns);
    add_integer("live_bytes", checkpoint->live_bytes);
    add_integer("resident_bytes", checkpoint->resident_bytes);
    add_integer("peak_resident_bytes", checkpoint->peak_resident_bytes);
    add_integer("pss_bytes", checkpoint->proportional_bytes);
    end_line();
}

void protocol_histogram(const char *name, const struct histogram *histogram)
{
    begin_line("histogram");
    add_string("name", name);
    add_integer("lowest", HISTOGRAM_LOWEST);
    add_integer("highest", HISTOGRAM_HIGHEST);
    add_integer("digits", HISTOGRAM_DIGITS);
    add_integer("count", histogram->count);
    add_integer("max", histogram->max);
    add_key("counts");
    text_add(&line, "[");
    const char *separator = "";
    for (size_t i = 0; i < HISTOGRAM_COUNTS; i++) {
        if (histogram->counts[i] == 0) {
            continue;
        }
        text_add(&line, "%s[%zu,%" PRIu64 "]", separator, i, histogram->counts[i]);
        separator = ",";
        if (line.length > sizeof buffer / 2) {
            write_part();
        }
    }
    text_add(&line, "]");
    end_line();
}

void protocol_ticker(const struct ticker *ticker)
{
    begin_line("ticker");
    add_integer("period_ns", ticker->period_ns);
    add_integer("threshold_ns", GAP_PERIODS * ticker->period_ns);
    add_integer("start_ns", ticker->start_ns);
    add_integer("end_ns", ticker->start_ns + ticker->span_ns);
    add_integer("ticks", ticker->ticks);
    add_integer("skipped", ticker->skipped);
    add_integer("dropped", ticker->dropped);
    add_integer("cpu_ns", ticker->cpu_ns);
    end_line();
}

void protocol_ticker_stall(const struct gap *gap)
{
    begin_line("stall");
    add_string("kind", "ticker");
    add_integer("start_ns", gap->start_ns);
    add_integer("end_ns", gap->end_ns);
    add_integer("run_delay_ns", gap->run_delay_ns);
    end_line();
}

void protocol_operation_stall(const struct operation *operation)
{
    begin_line("stall");
    add_string("kind", "operation");
    add_integer("start_ns", operation->start_ns);
    add_integer("end_ns", operation->end_ns);
    end_line();
}

void protocol_end(uint64_t peak_resident_bytes, uint64_t resident_bytes, const struct result *result)
{
    begin_line("end");
    add_string("status", "ok");
    add_integer("peak_resident_bytes", peak_resident_bytes);
    add_integer("resident_bytes", resident_bytes);
    begin_map("counters");
    for (size_t i = 0; i < result->counter_count; i++) {
        add_integer(result->counters[i].name, result->counters[i].value);
    }
    end_map();
    end_line();
}

/* One byte from stdin, or -1 at its end or where it cannot be read. */
static int read_byte(void)
{
    unsigned char byte;
    ssize_t length;
    do {
        length = read(STDIN_FILENO, &byte, 1);
    } while (length < 0 && errno == EINTR);
    return length == 1 ? byte : -1;
}

void protocol_await_go(void)
{
    if (read_byte() != 'g') {
        exit_with(EXIT_USAGE, "expected the byte g on stdin after ready");
    }
}

void protocol_await_quit(uint64_t patience_ns)
{
    const uint64_t deadline = clock_monotonic_ns() + patience_ns;
    for (;;) {
        const uint64_t now = clock_monotonic_ns();
        if (now >= deadline) {
            return;
        }
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        const int left_ms = (int)((deadline - now) / 1000000) + 1;
        if (poll(&input, 1, left_ms) > 0) {
            const int byte = read_byte();
            if (byte < 0 || byte == 'q') {
                return;
            }
        }
    }
}
