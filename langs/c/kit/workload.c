/* The registry of workloads: an array that the linker puts together, between two symbols that it defines. */
#include "kit/workload.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Hidden, or a shared object's section of the same name could answer. */
extern const struct workload *const __start_workloads[] __attribute__((visibility("hidden")));
extern const struct workload *const __stop_workloads[] __attribute__((visibility("hidden")));

const struct workload *workload_find(const char *id)
{
    for (const struct workload *const *entry = __start_workloads; entry < __stop_workloads; entry++) {
        if (strcmp((*entry)->id, id) == 0) {
            return *entry;
        }
    }
    return NULL;
}

void workload_list(struct text *text)
{
    for (const struct workload *const *entry = __start_workloads; entry < __stop_workloads; entry++) {
        text_add(text, "%s%s", entry > __start_workloads ? " " : "", (*entry)->id);
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
