package kit;

/**
 * A way for the program to end before its work is done, with the exit code that the protocol gives to it. Thrown where
 * the reason is known, turned into an exit in one place ({@link Exit}).
 */
public final class Failure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int code;

    private Failure(int code, String message) {
        super(message);
        this.code = code;
    }

    /** The command line or the handshake was not what the protocol says: 64. */
    public static Failure usage(String message) {
        return new Failure(Exit.USAGE, message);
    }

    /** Two iterations that do the same work reported different results: 65. */
    public static Failure disagreement(String message) {
        return new Failure(Exit.DISAGREEMENT, message);
    }

    /** What was asked for does not exist in this program or on this machine: 69. */
    public static Failure unsupported(String message) {
        return new Failure(Exit.UNSUPPORTED, message);
    }

    public int code() {
        return code;
    }
}
