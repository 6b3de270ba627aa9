/* Both streams go to files in memory: nothing can block, however much is written. */
#include "tests/program.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"

enum { ARGUMENTS_MAX = 32 };

static _Noreturn void give_up(const char *what)
{
    perror(what);
    _exit(125);
}

/* The runner beside this program. */
static void find_runner(char path[PATH_MAX])
{
    char own[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    if (length <= 0) {
        give_up("/proc/self/exe");
    }
    own[length] = '\0';
    const int folder = (int)(strrchr(own, '/') - own);
    if (snprintf(path, PATH_MAX, "%.*s/runner", folder, own) >= PATH_MAX) {
        give_up("the path is too long");
    }
}

static int memory_file(const char *content)
{
    const int file = memfd_create("stream", MFD_CLOEXEC);
    const size_t length = strlen(content);
    if (file < 0 || write(file, content, length) != (ssize_t)length || lseek(file, 0, SEEK_SET) != 0) {
        give_up("memfd_create");
    }
    return file;
}

static void read_back(int file, char *text, size_t size)
{
    const ssize_t length = pread(file, text, size - 1, 0);
    if (length < 0) {
        give_up("pread");
    }
    text[length] = '\0';
    close(file);
}

static void reserve_stack(uint64_t bytes)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_STACK, &limit) != 0) {
        give_up("getrlimit");
    }
    limit.rlim_cur = bytes;
    if (setrlimit(RLIMIT_STACK, &limit) != 0) {
        give_up("setrlimit");
    }
}

static _Noreturn void become(const struct program *program, int in, int out, int err)
{
    static char arguments[4096];
    static char runner[PATH_MAX];
    char *argv[ARGUMENTS_MAX] = {runner};
    find_runner(runner);
    snprintf(arguments, sizeof arguments, "%s", program->arguments);
    char *position = NULL;
    size_t count = 1;
    for (char *word = strtok_r(arguments, " ", &position); word != NULL; word = strtok_r(NULL, " ", &position)) {
        if (count == ARGUMENTS_MAX - 1) {
            give_up("too many arguments");
        }
        argv[count++] = word;
    }
    if (program->stdout_path != NULL) {
        out = open(program->stdout_path, O_WRONLY);
    }
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0) {
        give_up("dup2");
    }
    if (program->stack_bytes != 0) {
        reserve_stack(program->stack_bytes);
    }
    /* What a refused allocation does is for the program to say, under a sanitizer too. */
    setenv("ASAN_OPTIONS", "allocator_may_return_null=1", 1);
    execv(runner, argv);
    give_up(runner);
}

const struct outcome *program_run(const struct program *program)
{
    static struct outcome outcome;
    const int in = memory_file(program->input);
    const int out = memory_file("");
    const int err = memory_file("");
    const pid_t child = fork();
    if (child < 0) {
        give_up("fork");
    }
    if (child == 0) {
        become(program, in, out, err);
    }
    int status;
    if (waitpid(child, &status, 0) != child) {
        give_up("waitpid");
    }
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    close(in);
    read_back(out, outcome.out, sizeof outcome.out);
    read_back(err, outcome.err, sizeof outcome.err);
    return &outcome;
}

const struct outcome *program_go(const char *arguments)
{
    return program_run(&(struct program){.arguments = arguments, .input = "gq"});
}

unsigned occurrences(const char *text, const char *part)
{
    unsigned count = 0;
    for (const char *found = strstr(text, part); found != NULL; found = strstr(found + 1, part)) {
        count++;
    }
    return count;
}

const char *line_of(void (*print)(void))
{
    static char line[1 << 20];
    const int own = dup(STDOUT_FILENO);
    const int file = memfd_create("line", MFD_CLOEXEC);
    if (own < 0 || file < 0 || dup2(file, STDOUT_FILENO) < 0) {
        test_fail(__FILE__, __LINE__, "stdout cannot be redirected");
        return "";
    }
    print();
    CHECK(dup2(own, STDOUT_FILENO) >= 0);
    const ssize_t length = pread(file, line, sizeof line - 1, 0);
    CHECK(length >= 0);
    line[length > 0 ? length : 0] = '\0';
    close(file);
    close(own);
    return line;
}
