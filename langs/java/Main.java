import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.util.Arrays;
import kit.Exit;
import kit.Failure;
import kit.Params;
import kit.Worker;
import kit.Workload;

/**
 * {@code Main WORKLOAD key=value ...}: one worker process, as langs/PROTOCOL.md describes it. Workloads are classes of
 * the package {@code workloads}, looked up by name: {@code binary_trees} is {@code BinaryTrees}.
 */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        Exit exit = new Exit();
        Thread.setDefaultUncaughtExceptionHandler(exit);
        try {
            if (args.length == 0) {
                throw Failure.usage("no workload given" + expectedWorkloads());
            }
            Workload<?> workload = workload(args[0]);
            new Worker(Params.parse(args, workload)).run(workload);
        } catch (IOException | RuntimeException | Error ended) {
            exit.uncaughtException(Thread.currentThread(), ended);
        }
    }

    private static Workload<?> workload(String name) {
        try {
            Class<?> found = Class.forName("workloads." + className(name));
            return (Workload<?>) found.getDeclaredConstructor().newInstance();
        } catch (ReflectiveOperationException | ClassCastException none) {
            throw Failure.usage("unknown workload " + name + expectedWorkloads());
        }
    }

    /** {@code lru_cache} to {@code LruCache}; what is not such a name becomes one that no class has. */
    private static String className(String name) {
        if (!name.matches("[a-z][a-z0-9]*(_[a-z0-9]+)*")) {
            return "";
        }
        StringBuilder camel = new StringBuilder();
        for (String word : name.split("_")) {
            camel.append(Character.toUpperCase(word.charAt(0))).append(word, 1, word.length());
        }
        return camel.toString();
    }

    /** The names of the classes beside this one's: there is no list of workloads to keep. */
    private static String expectedWorkloads() {
        URL folder = Main.class.getResource("workloads");
        String[] files = folder == null ? null : new File(folder.getPath()).list();
        StringBuilder text = new StringBuilder("\nexpected: WORKLOAD key=value ...\nworkloads:");
        if (files != null) {
            Arrays.sort(files);
            for (String file : files) {
                if (file.endsWith(".class") && file.indexOf('$') < 0) {
                    text.append(' ').append(workloadName(file.substring(0, file.length() - ".class".length())));
                }
            }
        }
        return text.toString();
    }

    private static String workloadName(String className) {
        StringBuilder snake = new StringBuilder();
        for (int i = 0; i < className.length(); i++) {
            char c = className.charAt(i);
            if (Character.isUpperCase(c) && i > 0) {
                snake.append('_');
            }
            snake.append(Character.toLowerCase(c));
        }
        return snake.toString();
    }
}
