import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.core.http.StreamResponse;
import com.openai.models.FunctionDefinition;
import com.openai.models.FunctionParameters;
import com.openai.models.beta.assistants.AssistantCreateParams;
import com.openai.models.beta.assistants.AssistantStreamEvent;
import com.openai.models.beta.threads.ThreadCreateParams;
import com.openai.models.beta.threads.messages.Message;
import com.openai.models.beta.threads.messages.MessageCreateParams;
import com.openai.models.beta.threads.messages.MessageListParams;
import com.openai.models.beta.threads.runs.RequiredActionFunctionToolCall;
import com.openai.models.beta.threads.runs.Run;
import com.openai.models.beta.threads.runs.RunCreateParams;
import com.openai.models.beta.threads.runs.RunRetrieveParams;
import com.openai.models.beta.threads.runs.RunStatus;
import com.openai.models.beta.threads.runs.RunSubmitToolOutputsParams;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What the chapters of the story begin with. */
final class Make {
  /** Knows the server from its environment alone. */
  static final OpenAIClient client = OpenAIOkHttpClient.fromEnv();

  /** The demo model answers every name. */
  static final String MODEL = "gpt-4o";

  private Make() {}

  static FunctionDefinition weather() {
    var parameters =
        FunctionParameters.builder()
            .putAdditionalProperty("type", JsonValue.from("object"))
            .putAdditionalProperty("properties", JsonValue.from(Map.of("city", Map.of("type", "string"))))
            .build();
    return FunctionDefinition.builder()
        .name("get_weather")
        .description("Tells the weather in a city.")
        .parameters(parameters)
        .build();
  }

  /** With instructions, because this SDK's {@code validate()} refuses a run that has none, as the API allows. */
  static String assistant(OpenAIClient at) {
    var body = AssistantCreateParams.builder().model(MODEL).name("Compat").instructions("Do as you are told.").addFunctionTool(weather()).build();
    return at.beta().assistants().create(body).validate().id();
  }

  /** With messages, the last of which holds the directives for the demo model. */
  static String thread(OpenAIClient at, String... contents) {
    var body = ThreadCreateParams.builder();
    for (String content : contents) {
      body.addMessage(
          ThreadCreateParams.Message.builder()
              .role(ThreadCreateParams.Message.Role.USER)
              .content(content)
              .build());
    }
    return at.beta().threads().create(body.build()).validate().id();
  }

  static Message message(String thread, String content) {
    var body = MessageCreateParams.builder().threadId(thread).role(MessageCreateParams.Role.USER).content(content);
    return client.beta().threads().messages().create(body.build()).validate();
  }

  static String textOf(Message message) {
    return message.content().get(0).asText().text().value();
  }

  /** The newest message's text: lists begin with it. */
  static String answerIn(String thread) {
    var query = MessageListParams.builder().threadId(thread).limit(1).build();
    return textOf(client.beta().threads().messages().list(query).data().get(0).validate());
  }

  static RunCreateParams.Builder run(String thread, String assistant) {
    return RunCreateParams.builder().threadId(thread).assistantId(assistant);
  }

  static Run find(String thread, String run) {
    var where = RunRetrieveParams.builder().threadId(thread).runId(run).build();
    return client.beta().threads().runs().retrieve(where).validate();
  }

  /** Waits by hand until the run waits or has ended: this SDK has no helper for it. */
  static Run settled(String thread, String run) throws InterruptedException {
    var busy = Set.of(RunStatus.QUEUED, RunStatus.IN_PROGRESS, RunStatus.CANCELLING);
    for (; ; ) {
      Run found = find(thread, run);
      if (!busy.contains(found.status())) return found;
      Thread.sleep(50);
    }
  }

  static List<RequiredActionFunctionToolCall> callsAsked(Run run) {
    return run.requiredAction().orElseThrow().submitToolOutputs().toolCalls();
  }

  static RunSubmitToolOutputsParams outputs(Run run, String... texts) {
    var body = RunSubmitToolOutputsParams.builder().threadId(run.threadId()).runId(run.id());
    var calls = callsAsked(run);
    for (int index = 0; index < texts.length; index++) {
      body.addToolOutput(
          RunSubmitToolOutputsParams.ToolOutput.builder()
              .toolCallId(calls.get(index).id())
              .output(texts[index])
              .build());
    }
    return body.build();
  }

  /** Reads a stream to its end; every event must be one that the SDK knows, and valid. */
  static List<AssistantStreamEvent> hear(StreamResponse<AssistantStreamEvent> stream) {
    var events = new ArrayList<AssistantStreamEvent>();
    try (stream) {
      stream.stream().forEach(event -> events.add(event.validate()));
    }
    return events;
  }

  static AssistantStreamEvent last(List<AssistantStreamEvent> events) {
    return events.get(events.size() - 1);
  }

  static List<String> deltas(List<AssistantStreamEvent> events) {
    var texts = new ArrayList<String>();
    for (AssistantStreamEvent event : events) {
      if (!event.isThreadMessageDelta()) continue;
      for (var part : event.asThreadMessageDelta().data().delta().content().orElse(List.of())) {
        texts.add(part.asText().text().orElseThrow().value().orElseThrow());
      }
    }
    return texts;
  }
}
