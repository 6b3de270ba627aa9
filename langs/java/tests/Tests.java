import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import kit.GcLogTests;
import kit.KitTests;
import kit.RecorderTests;
import kit.TickerTests;

/**
 * Runs every method called {@code test_...} of the test classes, each on an object of its own, and says what failed.
 * {@code Tests BUILT MISBEHAVING LOGS}: the folder that {@code build} wrote, a copy of it with one workload more, and real
 * lines of virtual machines' logs.
 */
public final class Tests {
    private static final PrintStream OUT = System.out;

    private Tests() {}

    public static void main(String[] args) throws ReflectiveOperationException {
        Programs programs = new Programs(Path.of(args[0]), Path.of(args[1]));
        int failed = runAll(KitTests.class)
                + runAll(RecorderTests.class)
                + runAll(TickerTests.class)
                + runAll(GcLogTests.class, Path.of(args[2]))
                + runAll(ProgramTests.class, programs)
                + runAll(LatencyTests.class, programs);
        OUT.println(failed == 0 ? "all passed" : failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }

    private static int runAll(Class<?> tests, Object... given) throws ReflectiveOperationException {
        Method[] methods = tests.getDeclaredMethods();
        Arrays.sort(methods, Comparator.comparing(Method::getName));
        int failed = 0;
        for (Method method : methods) {
            if (method.getName().startsWith("test_") && !passes(method, instance(tests, given))) {
                failed++;
            }
        }
        return failed;
    }

    private static Object instance(Class<?> tests, Object[] given) throws ReflectiveOperationException {
        Constructor<?> constructor = tests.getDeclaredConstructors()[0];
        return constructor.newInstance(given);
    }

    private static boolean passes(Method method, Object tests) throws IllegalAccessException {
        try {
            method.invoke(tests);
            OUT.println("ok " + method.getName());
            return true;
        } catch (InvocationTargetException failure) {
            OUT.println("not ok " + method.getName());
            failure.getCause().printStackTrace(OUT);
            return false;
        }
    }
}
