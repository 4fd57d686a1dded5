import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.github.sashirestela.openai.SimpleOpenAI;
import io.github.sashirestela.openai.common.content.ContentPart.ContentPartTextAnnotation;
import io.github.sashirestela.openai.common.function.FunctionDef;
import io.github.sashirestela.openai.common.function.FunctionExecutor;
import io.github.sashirestela.openai.common.function.Functional;
import io.github.sashirestela.openai.domain.assistant.AssistantRequest;
import io.github.sashirestela.openai.domain.assistant.AssistantTool;
import io.github.sashirestela.openai.domain.assistant.ThreadMessageDelta;
import io.github.sashirestela.openai.domain.assistant.ThreadMessageRequest;
import io.github.sashirestela.openai.domain.assistant.ThreadMessageRole;
import io.github.sashirestela.openai.domain.assistant.ThreadRun.RunStatus;
import io.github.sashirestela.openai.domain.assistant.ThreadRunRequest;
import io.github.sashirestela.openai.domain.assistant.ThreadRunSubmitOutputRequest;
import io.github.sashirestela.openai.domain.assistant.ThreadRunSubmitOutputRequest.ToolOutput;
import io.github.sashirestela.openai.domain.assistant.VectorStoreRequest;
import io.github.sashirestela.openai.domain.assistant.events.EventName;
import io.github.sashirestela.openai.domain.file.FileRequest;
import io.github.sashirestela.openai.domain.file.FileRequest.PurposeType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** {@code SimpleOpenAI}: a function with polling, a stream, a vector store. */
public final class SimpleOpenAi {
  static final String OUTPUT = "{\"temperature\": 22}";
  static final String ANSWER = "get_weather answered: " + OUTPUT;

  public static final class Weather implements Functional {
    @JsonPropertyDescription("The city")
    @JsonProperty(required = true)
    public String city;

    @Override
    public Object execute() {
      same(city, "Rome");
      return OUTPUT;
    }
  }

  private final SimpleOpenAI client;

  private SimpleOpenAi(SimpleOpenAI client) {
    this.client = client;
  }

  public static void main(String[] args) throws Exception {
    // The library adds "/v1" itself.
    String url = System.getenv("OPENAI_BASE_URL").replaceFirst("/v1$", "");
    SimpleOpenAI client = SimpleOpenAI.builder().baseUrl(url).apiKey(System.getenv("OPENAI_API_KEY")).build();
    new SimpleOpenAi(client).tell();
    System.out.println("pass scenario");
    System.exit(0);
  }

  private void tell() throws Exception {
    FunctionExecutor executor = new FunctionExecutor(List.of(FunctionDef.builder()
        .name("get_weather").description("The weather of a city").functionalClass(Weather.class).build()));
    String assistant = client.assistants().create(AssistantRequest.builder()
        .model("gpt-4o").name("Forecaster").tools(executor.getToolFunctions())
        .tool(AssistantTool.fileSearch(3)).build()).join().getId();
    String thread = client.threads().create().join().getId();
    ThreadRunRequest ask = ThreadRunRequest.builder().assistantId(assistant).build();

    say(thread, "call get_weather {\"city\": \"Rome\"}");
    var run = client.threadRuns().createAndPoll(thread, ask);
    same(run.getStatus(), RunStatus.REQUIRES_ACTION);
    List<ToolOutput> outputs = executor.executeAll(
        run.getRequiredAction().getSubmitToolOutputs().getToolCalls(),
        (id, output) -> ToolOutput.builder().toolCallId(id).output(output).build());
    run = client.threadRuns().submitToolOutputAndPoll(thread, run.getId(),
        ThreadRunSubmitOutputRequest.builder().toolOutputs(outputs).build());
    same(run.getStatus(), RunStatus.COMPLETED);
    var newest = client.threadMessages().getList(thread).join().getData().get(0);
    same(((ContentPartTextAnnotation) newest.getContent().get(0)).getText().getValue(), ANSWER);
    same(client.threadRunSteps().getList(thread, run.getId()).join().getData().size(), 2);

    say(thread, "say one two three");
    String text = client.threadRuns().createStream(thread, ask).join()
        .filter(event -> event.getName().equals(EventName.THREAD_MESSAGE_DELTA))
        .map(event -> ((ThreadMessageDelta) event.getData()).getDelta().getContent().get(0))
        .map(part -> ((ContentPartTextAnnotation) part).getText().getValue())
        .collect(Collectors.joining());
    same(text, "one two three");
    keepFiles();
    same(client.assistants().delete(assistant).join().getDeleted(), true);
  }

  private void say(String thread, String text) {
    client.threadMessages().create(thread, ThreadMessageRequest.builder()
        .role(ThreadMessageRole.USER).content(text).build()).join();
  }

  private void keepFiles() throws Exception {
    Path path = Files.writeString(Files.createTempFile("lamp", ".txt"), "The lamp is lit.");
    var file = client.files().create(FileRequest.builder().file(path).purpose(PurposeType.ASSISTANTS).build()).join();
    Files.delete(path);
    var store = client.vectorStores().createAndPoll(
        VectorStoreRequest.builder().name("Lamps").fileId(file.getId()).build());
    same(store.getFileCounts().getCompleted(), 1);
    same(client.vectorStores().delete(store.getId()).join().getDeleted(), true);
    same(client.files().delete(file.getId()).join().getDeleted(), true);
  }

  private static void same(Object found, Object expected) {
    if (!expected.equals(found)) throw new AssertionError("expected " + expected + ", found " + found);
  }
}
