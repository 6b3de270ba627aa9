package kit;

import java.io.BufferedReader;
import java.io.File;
import java.io.FileReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Where this process's control group lies in the file system, for version 1 and version 2 hierarchies. Looked up once at
 * the start; null everywhere means that there is nothing to read, which is no error.
 */
final class Cgroup {
    /** Version 1 reports "no limit" as the largest multiple of a page below 2^63: nothing real comes near this. */
    private static final long UNLIMITED = 1L << 62;

    private final List<String> memberships;
    private final List<String> mounts;

    Cgroup(List<String> memberships, List<String> mounts) {
        this.memberships = memberships;
        this.mounts = mounts;
    }

    static Cgroup ofThisProcess() throws IOException {
        return new Cgroup(lines("/proc/self/cgroup"), lines("/proc/self/mountinfo"));
    }

    /** The folder of this process in the hierarchy of a version 1 controller. */
    String folderOfController(String controller) {
        for (String membership : memberships) {
            String[] parts = membership.split(":", 3);
            if (contains(parts[1], controller)) {
                return mounted("cgroup", controller, parts[2]);
            }
        }
        return null;
    }

    /** The folder of this process in the version 2 hierarchy. */
    String unifiedFolder() {
        for (String membership : memberships) {
            String[] parts = membership.split(":", 3);
            if (parts[0].equals("0") && parts[1].isEmpty()) {
                return mounted("cgroup2", null, parts[2]);
            }
        }
        return null;
    }

    /** Bytes of memory that the group may use, -1 where none is visible. */
    long memoryLimit() throws IOException {
        long limit = limitIn(folderOfController("memory"), "memory.limit_in_bytes");
        return limit >= 0 ? limit : limitIn(unifiedFolder(), "memory.max");
    }

    private static long limitIn(String folder, String name) throws IOException {
        if (folder == null || !new File(folder, name).canRead()) {
            return -1;
        }
        String text = lines(folder + "/" + name).get(0);
        if (text.equals("max")) {
            return -1;
        }
        long limit = Long.parseLong(text);
        return limit < UNLIMITED ? limit : -1;
    }

    /**
     * A line of mountinfo: id, parent, device, root, mount point, options, optional fields, "-", type, source, super
     * options. In a container the root is often the group's own path; then its folder is the mount point itself.
     */
    private String mounted(String type, String controller, String path) {
        for (String mount : mounts) {
            int separator = mount.indexOf(" - ");
            String[] left = mount.substring(0, separator).split(" ");
            String[] right = mount.substring(separator + 3).split(" ");
            boolean wanted = right[0].equals(type) && (controller == null || contains(right[2], controller));
            String root = left[3].equals("/") ? "" : left[3];
            if (wanted && (path.equals(root) || path.startsWith(root + "/"))) {
                return left[4] + path.substring(root.length());
            }
        }
        return null;
    }

    private static boolean contains(String list, String word) {
        for (String entry : list.split(",")) {
            if (entry.equals(word)) {
                return true;
            }
        }
        return false;
    }

    private static List<String> lines(String path) throws IOException {
        List<String> lines = new ArrayList<>();
        try (BufferedReader reader = new BufferedReader(new FileReader(path))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                lines.add(line);
            }
        }
        return lines;
    }
}
