/* Where this process's own cgroup lies in the file system, for cgroup v1 and v2 alike. Two tables of the kernel are
 * needed: the process's path inside the hierarchy, and which part of the hierarchy is mounted where. */
#ifndef KIT_CGROUP_H
#define KIT_CGROUP_H

#include <limits.h>
#include <stdbool.h>

/* Stands for the v2 hierarchy in place of a v1 controller's name. */
#define CGROUP_UNIFIED ""

/* The folder of the process's own cgroup for `controller`; false where it is not mounted or not below the mount. */
bool cgroup_own_folder(char folder[PATH_MAX], const char *controller);

/* The same from given copies of /proc/self/cgroup and /proc/self/mountinfo. */
bool cgroup_folder_from(char folder[PATH_MAX], const char *controller, const char *cgroup_file,
                        const char *mountinfo_file);

/* folder/name; false where that is too long. */
bool cgroup_path(char path[PATH_MAX], const char *folder, const char *name);

/* Whether the folder holds a file of that name. */
bool cgroup_has(const char *folder, const char *name);

#endif
