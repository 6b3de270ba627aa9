/* Reads /proc/self/cgroup and /proc/self/mountinfo once, before the first iteration. In a container the mount often
 * begins inside the hierarchy (its root is the container's own cgroup), so the mount's root is taken off the path. */
#include "kit/cgroup.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Room for a line of either table: the kernel bounds paths, and a longer line only fails to match. */
#define LINE_LENGTH (2 * PATH_MAX)

/* Whether `name` is one of the comma-separated words that `list` begins with; a colon or its end ends it. */
static bool lists(const char *list, const char *name)
{
    for (const char *word = list;; word++) {
        const size_t length = strcspn(word, ",:");
        if (length == strlen(name) && strncmp(word, name, length) == 0) {
            return true;
        }
        word += length;
        if (*word != ',') {
            return false;
        }
    }
}

static bool copy_path(char path[PATH_MAX], const char *text)
{
    return snprintf(path, PATH_MAX, "%s", text) < PATH_MAX;
}

/* One line of /proc/self/cgroup, "ID:CONTROLLERS:PATH"; v2 is "0::PATH". */
static bool path_in_line(const char *line, const char *controller, char path[PATH_MAX])
{
    const char *controllers = strchr(line, ':');
    if (controllers == NULL) {
        return false;
    }
    const char *own_path = strchr(controllers + 1, ':');
    return own_path != NULL && lists(controllers + 1, controller) && copy_path(path, own_path + 1);
}

/* One line of /proc/self/mountinfo: "ID PARENT DEVICE ROOT POINT OPTIONS ... - TYPE SOURCE SUPER_OPTIONS". */
static bool mount_in_line(char *line, const char *controller, char root[PATH_MAX], char point[PATH_MAX])
{
    char *tail = strstr(line, " - ");
    if (tail == NULL) {
        return false;
    }
    char *position = NULL;
    *tail = '\0';
    const char *type = strtok_r(tail + 3, " ", &position);
    (void)strtok_r(NULL, " ", &position);
    const char *super_options = strtok_r(NULL, " ", &position);
    const bool unified = strcmp(controller, CGROUP_UNIFIED) == 0;
    if (type == NULL || strcmp(type, unified ? "cgroup2" : "cgroup") != 0) {
        return false;
    }
    if (!unified && (super_options == NULL || !lists(super_options, controller))) {
        return false;
    }
    (void)strtok_r(line, " ", &position);
    (void)strtok_r(NULL, " ", &position);
    (void)strtok_r(NULL, " ", &position);
    const char *root_field = strtok_r(NULL, " ", &position);
    const char *point_field = strtok_r(NULL, " ", &position);
    return root_field != NULL && point_field != NULL && copy_path(root, root_field) && copy_path(point, point_field);
}

static bool find_path(const char *file_name, const char *controller, char path[PATH_MAX])
{
    FILE *file = fopen(file_name, "re");
    if (file == NULL) {
        return false;
    }
    bool found = false;
    char line[LINE_LENGTH];
    while (!found && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        found = path_in_line(line, controller, path);
    }
    fclose(file);
    return found;
}

static bool find_mount(const char *file_name, const char *controller, char root[PATH_MAX], char point[PATH_MAX])
{
    FILE *file = fopen(file_name, "re");
    if (file == NULL) {
        return false;
    }
    bool found = false;
    char line[LINE_LENGTH];
    while (!found && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        found = mount_in_line(line, controller, root, point);
    }
    fclose(file);
    return found;
}

bool cgroup_folder_from(char folder[PATH_MAX], const char *controller, const char *cgroup_file,
                        const char *mountinfo_file)
{
    char path[PATH_MAX];
    char root[PATH_MAX];
    char point[PATH_MAX];
    if (!find_path(cgroup_file, controller, path) || !find_mount(mountinfo_file, controller, root, point)) {
        return false;
    }
    const size_t skip = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(path, root, skip) != 0 || (path[skip] != '/' && path[skip] != '\0')) {
        return false;
    }
    const char *below = strcmp(path + skip, "/") == 0 ? "" : path + skip;
    const int length = snprintf(folder, PATH_MAX, "%s%s", point, below);
    return length > 0 && length < PATH_MAX;
}

bool cgroup_own_folder(char folder[PATH_MAX], const char *controller)
{
    return cgroup_folder_from(folder, controller, "/proc/self/cgroup", "/proc/self/mountinfo");
}

bool cgroup_path(char path[PATH_MAX], const char *folder, const char *name)
{
    const int length = snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return length > 0 && length < PATH_MAX;
}

bool cgroup_has(const char *folder, const char *name)
{
    char path[PATH_MAX];
    return cgroup_path(path, folder, name) && access(path, F_OK) == 0;
}
