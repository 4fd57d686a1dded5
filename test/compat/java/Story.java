import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The scenario with the official Java SDK. Prints {@code pass NAME}, {@code fail NAME: REASON} or
 * {@code skip NAME: REASON} for each chapter; arguments choose chapters.
 */
public final class Story {
  interface Chapter {
    void tell() throws Exception;
  }

  /** The SDK has no such thing. */
  static final class Unsupported extends RuntimeException {
    Unsupported(String reason) {
      super(reason);
    }
  }

  public static void main(String[] chosen) {
    Map<String, Chapter> chapters = new LinkedHashMap<>();
    new Chapters().addTo(chapters);
    boolean failed = false;
    for (Map.Entry<String, Chapter> one : chapters.entrySet()) {
      if (chosen.length > 0 && !List.of(chosen).contains(one.getKey())) continue;
      try {
        one.getValue().tell();
        System.out.println("pass " + one.getKey());
      } catch (Unsupported reason) {
        System.out.println("skip " + one.getKey() + ": " + reason.getMessage());
      } catch (Throwable error) {
        failed = true;
        System.out.println("fail " + one.getKey() + ": " + error.toString().replace("\n", " | "));
        error.printStackTrace();
      }
    }
    // The SDK's connections would keep the process for another minute.
    System.exit(failed ? 1 : 0);
  }

  static void same(Object found, Object expected) {
    if (!Objects.equals(found, expected)) {
      throw new AssertionError("expected " + expected + ", found " + found);
    }
  }

  static void hold(boolean isTrue, String what) {
    if (!isTrue) throw new AssertionError(what);
  }

  /** The error of that class with which a call is refused. */
  static <E extends Throwable> E refused(Class<E> kind, Chapter call) throws Exception {
    try {
      call.tell();
    } catch (Throwable error) {
      if (kind.isInstance(error)) return kind.cast(error);
      throw new AssertionError("expected " + kind.getSimpleName() + ", found " + error, error);
    }
    throw new AssertionError("the call succeeded");
  }
}
