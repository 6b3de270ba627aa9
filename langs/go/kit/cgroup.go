package kit

import (
	"os"
	"path"
	"strconv"
	"strings"
)

// Cgroup is where the kernel shows the control groups of this process, as two texts of its own: /proc/self/cgroup says
// which groups it is in, /proc/self/mountinfo where their hierarchies are mounted.
type Cgroup struct{ Groups, Mounts string }

// ReadCgroup reads both texts; what cannot be read is empty and leads to no folder.
func ReadCgroup() Cgroup {
	groups, _ := os.ReadFile("/proc/self/cgroup")
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	return Cgroup{Groups: string(groups), Mounts: string(mounts)}
}

// Folder returns the process's own folder in the version 1 hierarchy of a controller, or in the version 2 hierarchy
// for the controller "". It is empty where there is none.
//
// A container that sees the host's group paths has only its own part of the hierarchy mounted: the mount's root is then
// a prefix of the group's path and is cut off. Where it is no prefix the mount point itself is the nearest there is.
func (c Cgroup) Folder(controller string) string {
	group, found := "", false
	for line := range strings.Lines(c.Groups) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, of, ok := strings.Cut(rest, ":")
		if ok && listed(controllers, controller) {
			group, found = of, true
		}
	}
	if !found {
		return ""
	}
	for line := range strings.Lines(c.Mounts) {
		before, after, ok := strings.Cut(line, " - ")
		place, what := strings.Fields(before), strings.Fields(after)
		if !ok || len(place) < 5 || len(what) < 3 {
			continue
		}
		root, point := place[3], place[4]
		if controller == "" && what[0] != "cgroup2" || controller != "" && (what[0] != "cgroup" || !listed(what[2], controller)) {
			continue
		}
		if below, ok := strings.CutPrefix(group, strings.TrimSuffix(root, "/")); ok {
			return path.Join(point, below)
		}
		return point
	}
	return ""
}

func listed(list, one string) bool {
	for item := range strings.SplitSeq(list, ",") {
		if item == one {
			return true
		}
	}
	return false
}

// MemoryLimit returns the limit of the process's own group in bytes; false where none is visible. Version 1 spells
// "no limit" as the largest multiple of the page size.
func (c Cgroup) MemoryLimit() (uint64, bool) {
	for _, file := range []string{
		path.Join(c.Folder("memory"), "memory.limit_in_bytes"),
		path.Join(c.Folder(""), "memory.max"),
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		limit, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
		return limit, err == nil && limit < 1<<62
	}
	return 0, false
}

// cpuCounter returns the file that holds the CPU time of the process's own group; false where the group is the root of
// its hierarchy, whose counter is the whole machine's, or where there is no such file.
func (c Cgroup) cpuCounter() (string, bool) {
	if folder := c.Folder("cpuacct"); folder != "" {
		return path.Join(folder, "cpuacct.usage"), !exists(path.Join(folder, "release_agent"))
	}
	folder := c.Folder("")
	return path.Join(folder, "cpu.stat"), folder != "" && exists(path.Join(folder, "cgroup.type"))
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
