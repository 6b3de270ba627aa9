import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import kit.KitTests;

/**
 * Runs every method called {@code test_...} of the test classes, each on an object of its own, and says what failed.
 * {@code Tests BUILT MISBEHAVING}: the folder that {@code build} wrote, and a copy of it with one workload more.
 */
public final class Tests {
    private static final PrintStream OUT = System.out;

    private Tests() {}

    public static void main(String[] args) throws ReflectiveOperationException {
        Programs programs = new Programs(Path.of(args[0]), Path.of(args[1]));
        int failed = runAll(KitTests.class, null) + runAll(ProgramTests.class, programs);
        OUT.println(failed == 0 ? "all passed" : failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }

    private static int runAll(Class<?> tests, Programs programs) throws ReflectiveOperationException {
        Method[] methods = tests.getDeclaredMethods();
        Arrays.sort(methods, Comparator.comparing(Method::getName));
        int failed = 0;
        for (Method method : methods) {
            if (method.getName().startsWith("test_") && !passes(method, instance(tests, programs))) {
                failed++;
            }
        }
        return failed;
    }

    private static Object instance(Class<?> tests, Programs programs) throws ReflectiveOperationException {
        Constructor<?> constructor = tests.getDeclaredConstructors()[0];
        return programs == null ? constructor.newInstance() : constructor.newInstance(programs);
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
