/* The registry of workloads: an array that the linker puts together, between two symbols that it defines. */
#include "kit/workload.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Hidden, or a shared object's section of the same name could answer. */
extern const struct workload *const __start_workloads[] __attribute__((visibility("hidden")));
extern const struct workload *const __stop_workloads[] __attribute__((visibility("hidden")));

size_t workload_count(void)
{
    /* As integers: to the compiler the symbols are two arrays, and a pointer into one says nothing about the other. */
    return ((uintptr_t)__stop_workloads - (uintptr_t)__start_workloads) / sizeof(const struct workload *);
}

const struct workload *workload_at(size_t index)
{
    return __start_workloads[index];
}

const struct workload *workload_find(const char *id)
{
    for (size_t i = 0; i < workload_count(); i++) {
        if (strcmp(workload_at(i)->id, id) == 0) {
            return workload_at(i);
        }
    }
    return NULL;
}

void workload_list(struct text *text)
{
    for (size_t i = 0; i < workload_count(); i++) {
        text_add(text, "%s%s", i > 0 ? " " : "", workload_at(i)->id);
    }
}

uint64_t run_parameter(const struct run *run, const char *name)
{
    for (size_t i = 0; i < run->workload->parameter_count; i++) {
        if (strcmp(run->workload->parameters[i].name, name) == 0) {
            return run->values[i];
        }
    }
    assert(!"a parameter that the workload does not declare");
    abort();
}
