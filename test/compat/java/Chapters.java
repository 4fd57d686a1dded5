import static java.util.stream.Collectors.toList;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.errors.UnauthorizedException;
import com.openai.models.beta.assistants.AssistantCreateParams;
import com.openai.models.beta.assistants.AssistantListParams;
import com.openai.models.beta.assistants.AssistantUpdateParams;
import com.openai.models.beta.threads.ThreadCreateAndRunParams;
import com.openai.models.beta.threads.ThreadCreateParams;
import com.openai.models.beta.threads.ThreadUpdateParams;
import com.openai.models.beta.threads.messages.MessageDeleteParams;
import com.openai.models.beta.threads.messages.MessageListParams;
import com.openai.models.beta.threads.messages.MessageRetrieveParams;
import com.openai.models.beta.threads.messages.MessageUpdateParams;
import com.openai.models.beta.threads.runs.Run;
import com.openai.models.beta.threads.runs.RunCancelParams;
import com.openai.models.beta.threads.runs.RunCreateParams;
import com.openai.models.beta.threads.runs.RunListParams;
import com.openai.models.beta.threads.runs.RunStatus;
import com.openai.models.beta.threads.runs.RunUpdateParams;
import com.openai.models.beta.threads.runs.steps.StepListParams;
import com.openai.models.beta.threads.runs.steps.StepRetrieveParams;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.services.blocking.beta.ThreadService;
import com.openai.services.blocking.beta.threads.MessageService;
import com.openai.services.blocking.beta.threads.RunService;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The chapters of the story. Whatever the server answers is also held to the SDK's own {@code validate()}. */
final class Chapters {
  private static final String ASK = "call get_weather {\"city\":\"Paris\"}";
  private static final String ANSWER = "get_weather answered: 21 degrees";
  private static final String TOLD = "one two three four five";
  private static final String TELL = "slow 20\nsay " + TOLD;

  private final OpenAIClient client = Make.client;
  private final ThreadService threads = client.beta().threads();
  private final MessageService messages = threads.messages();
  private final RunService runs = threads.runs();

  void addTo(Map<String, Story.Chapter> chapters) {
    chapters.put("assistants", this::assistants);
    chapters.put("threads", this::threads);
    chapters.put("messages", this::messages);
    chapters.put("lists", this::lists);
    chapters.put("runs", this::runs);
    chapters.put("polling", () -> unsupported("this SDK has no poll helper"));
    chapters.put("functions", this::functions);
    chapters.put("parallel-functions", this::parallelFunctions);
    chapters.put("steps", this::steps);
    chapters.put("cancel", this::cancel);
    chapters.put("endings", this::endings);
    chapters.put("streams", this::streams);
    chapters.put("thread-and-run", this::threadAndRun);
    chapters.put("hang-up", this::hangUp);
    chapters.put("idle-streams", this::idleStreams);
    new Stores().addTo(chapters);
    chapters.put("errors", this::errors);
    chapters.put("raw-responses", this::rawResponses);
    chapters.put("models", this::models);
    chapters.put("chat", this::chat);
    chapters.put("completeness", () -> unsupported("its methods have so many forms that a list says little"));
  }

  private static void unsupported(String reason) {
    throw new Story.Unsupported(reason);
  }

  private void assistants() {
    var assistants = client.beta().assistants();
    var made =
        assistants.create(
            AssistantCreateParams.builder()
                .model(Make.MODEL)
                .name("Forecaster")
                .instructions("Be brief.")
                .temperature(0.5)
                .addFunctionTool(Make.weather())
                .build());
    made.validate();
    Story.same(assistants.retrieve(made.id()), made);
    var changed = assistants.update(made.id(), AssistantUpdateParams.builder().name("Oracle").build());
    Story.same(changed.name().orElseThrow(), "Oracle");
    Story.same(changed.instructions().orElseThrow(), "Be brief.");
    String second = Make.assistant(client);
    var query = AssistantListParams.builder().limit(1).order(AssistantListParams.Order.ASC).build();
    var listed = assistants.list(query).autoPager().stream().map(one -> one.validate().id()).collect(toList());
    Story.hold(listed.indexOf(made.id()) >= 0, "the assistant is not listed");
    Story.hold(listed.indexOf(made.id()) < listed.indexOf(second), "the list is out of order");
    Story.same(assistants.delete(made.id()).validate().deleted(), true);
  }

  private void threads() throws Exception {
    Story.hold(threads.create().validate().id().startsWith("thread_"), "a strange id");
    String thread = Make.thread(client, "Hello", "Anyone?");
    Story.same(Make.answerIn(thread), "Anyone?");
    Story.same(threads.retrieve(thread).validate().id(), thread);
    var metadata =
        ThreadUpdateParams.Metadata.builder()
            .putAdditionalProperty("topic", JsonValue.from("farewell"))
            .build();
    var changed = threads.update(thread, ThreadUpdateParams.builder().metadata(metadata).build());
    var topic = changed.metadata().orElseThrow()._additionalProperties().get("topic");
    Story.same(topic, JsonValue.from("farewell"));
    Story.same(threads.delete(thread).validate().deleted(), true);
    Story.refused(NotFoundException.class, () -> threads.retrieve(thread));
  }

  private void messages() {
    String thread = Make.thread(client, "first");
    var made = Make.message(thread, "second");
    var where = MessageRetrieveParams.builder().threadId(thread).messageId(made.id()).build();
    Story.same(messages.retrieve(where), made);
    var metadata =
        MessageUpdateParams.Metadata.builder().putAdditionalProperty("n", JsonValue.from("two")).build();
    var change = MessageUpdateParams.builder().threadId(thread).messageId(made.id()).metadata(metadata).build();
    var changed = messages.update(change).metadata().orElseThrow();
    Story.same(changed._additionalProperties().get("n"), JsonValue.from("two"));
    Story.same(Make.answerIn(thread), "second");
    var gone = MessageDeleteParams.builder().threadId(thread).messageId(made.id()).build();
    Story.same(messages.delete(gone).validate().deleted(), true);
    Story.same(Make.answerIn(thread), "first");
  }

  private void lists() {
    var words = new ArrayList<String>();
    for (int index = 0; index < 45; index++) words.add("message " + index);
    String thread = Make.thread(client, words.subList(0, 30).toArray(String[]::new));
    for (String word : words.subList(30, 45)) Make.message(thread, word);
    var upwards =
        MessageListParams.builder().threadId(thread).limit(20).order(MessageListParams.Order.ASC).build();
    var all = messages.list(upwards).autoPager().stream().map(Make::textOf).collect(toList());
    Story.same(all, words);
    var first = messages.list(MessageListParams.builder().threadId(thread).limit(20).build());
    var second = first.nextPage();
    var third = second.nextPage();
    Story.same(Make.textOf(second.data().get(0)), "message 24");
    Story.same(List.of(first.data().size(), second.data().size(), third.data().size()), List.of(20, 20, 5));
    var before = MessageListParams.builder().threadId(thread).before(first.data().get(3).id()).build();
    Story.same(messages.list(before).data().size(), 3);
  }

  private void runs() throws Exception {
    String assistant = Make.assistant(client);
    String thread = Make.thread(client, "say It is sunny.");
    var more =
        RunCreateParams.AdditionalMessage.builder()
            .role(RunCreateParams.AdditionalMessage.Role.USER)
            .content("say It is raining.")
            .build();
    var body = Make.run(thread, assistant).instructions("Answer at once.").addAdditionalMessage(more);
    Run made = runs.create(body.build()).validate();
    Story.same(made.status(), RunStatus.QUEUED);
    Run done = Make.settled(thread, made.id());
    Story.same(done.status(), RunStatus.COMPLETED);
    Story.same(done.instructions(), "Answer at once.");
    var usage = done.usage().orElseThrow();
    Story.hold(usage.completionTokens() > 0, "no usage");
    Story.same(usage.totalTokens(), usage.promptTokens() + usage.completionTokens());
    Story.same(Make.answerIn(thread), "It is raining.");
    var metadata = RunUpdateParams.Metadata.builder().putAdditionalProperty("n", JsonValue.from("2")).build();
    var change = RunUpdateParams.builder().threadId(thread).runId(made.id()).metadata(metadata).build();
    var changed = runs.update(change).metadata().orElseThrow();
    Story.same(changed._additionalProperties().get("n"), JsonValue.from("2"));
    String again = runs.create(Make.run(thread, assistant).build()).id();
    Make.settled(thread, again);
    var query = RunListParams.builder().threadId(thread).limit(1).build();
    var listed = runs.list(query).autoPager().stream().map(run -> run.validate().id()).collect(toList());
    Story.same(listed, List.of(again, made.id()));
  }

  private void functions() throws Exception {
    String assistant = Make.assistant(client);
    String thread = Make.thread(client, ASK);
    Run asking = Make.settled(thread, runs.create(Make.run(thread, assistant).build()).id());
    Story.same(asking.status(), RunStatus.REQUIRES_ACTION);
    var call = Make.callsAsked(asking).get(0).function();
    Story.same(call.name(), "get_weather");
    Story.same(call.arguments(), "{\"city\":\"Paris\"}");
    var resumed = runs.submitToolOutputs(Make.outputs(asking, "21 degrees"));
    Story.same(resumed.validate().status(), RunStatus.QUEUED);
    Story.same(Make.settled(thread, asking.id()).status(), RunStatus.COMPLETED);
    Story.same(Make.answerIn(thread), ANSWER);

    String other = Make.thread(client, ASK);
    var asked = Make.hear(runs.createStreaming(Make.run(other, assistant).build()));
    Run waiting = Make.last(asked).asThreadRunRequiresAction().data();
    var told = Make.hear(runs.submitToolOutputsStreaming(Make.outputs(waiting, "21 degrees")));
    Story.hold(told.get(0).isThreadRunStepCompleted(), "the stream begins elsewhere: " + told.get(0));
    Story.same(String.join("", Make.deltas(told)), ANSWER);
    Story.hold(Make.last(told).isThreadRunCompleted(), "the stream ends with " + Make.last(told));
  }

  private void parallelFunctions() throws Exception {
    String thread = Make.thread(client, ASK + "\ncall get_weather {\"city\":\"Oslo\"}");
    Run asking = Make.settled(thread, runs.create(Make.run(thread, Make.assistant(client)).build()).id());
    var asked = Make.callsAsked(asking).stream().map(call -> call.function().arguments()).collect(toList());
    Story.same(asked, List.of("{\"city\":\"Paris\"}", "{\"city\":\"Oslo\"}"));
    var half = Make.outputs(asking, "warm");
    Story.refused(BadRequestException.class, () -> runs.submitToolOutputs(half));
    runs.submitToolOutputs(Make.outputs(asking, "warm", "cold"));
    Story.same(Make.settled(thread, asking.id()).status(), RunStatus.COMPLETED);
    Story.same(Make.answerIn(thread), "get_weather answered: warm\nget_weather answered: cold");
  }

  private void steps() throws Exception {
    String thread = Make.thread(client, ASK + "\nsay Warm.");
    Run run = Make.settled(thread, runs.create(Make.run(thread, Make.assistant(client)).build()).id());
    runs.submitToolOutputs(Make.outputs(run, "30"));
    Make.settled(thread, run.id());
    var query = StepListParams.builder().threadId(thread).runId(run.id()).limit(1);
    var steps =
        runs.steps().list(query.order(StepListParams.Order.ASC).build()).autoPager().stream().collect(toList());
    Story.same(steps.size(), 2);
    var step = steps.get(0).validate();
    Story.hold(steps.get(1).validate().stepDetails().isMessageCreation(), "the second step is no message");
    var call = step.stepDetails().asToolCalls().toolCalls().get(0).asFunction();
    Story.same(call.function().output().orElseThrow(), "30");
    var where = StepRetrieveParams.builder().threadId(thread).runId(run.id()).stepId(step.id()).build();
    Story.same(runs.steps().retrieve(where), step);
  }

  private void cancel() throws Exception {
    String assistant = Make.assistant(client);
    String thread = Make.thread(client, "slow 500\nsay a b c d e f g h i j k l m n o p q r s t u v w");
    String run = runs.create(Make.run(thread, assistant).build()).id();
    var where = RunCancelParams.builder().threadId(thread).runId(run).build();
    Story.same(runs.cancel(where).validate().status(), RunStatus.CANCELLING);
    Story.same(Make.settled(thread, run).status(), RunStatus.CANCELLED);
    Story.refused(BadRequestException.class, () -> runs.cancel(where));

    var statuses = new ArrayList<String>();
    try (var stream = runs.createStreaming(Make.run(thread, assistant).build())) {
      var events = stream.stream().iterator();
      String id = events.next().asThreadRunCreated().data().id();
      while (events.hasNext()) {
        var event = events.next().validate();
        if (event.isThreadMessageDelta() && statuses.isEmpty()) {
          statuses.add("told to");
          runs.cancel(RunCancelParams.builder().threadId(thread).runId(id).build());
        }
        if (event.isThreadRunCancelled()) statuses.add("cancelled");
        if (event.isThreadRunCompleted()) statuses.add("completed");
      }
    }
    Story.same(statuses, List.of("told to", "cancelled"));
    Make.message(thread, "say free again");
  }

  private void endings() throws Exception {
    String assistant = Make.assistant(client);
    String thread = Make.thread(client, "say So far\nfail rate_limit_exceeded");
    Run failed = Make.settled(thread, runs.create(Make.run(thread, assistant).build()).id());
    Story.same(failed.status(), RunStatus.FAILED);
    Story.same(failed.lastError().orElseThrow().code().toString(), "rate_limit_exceeded");
    var events = Make.hear(runs.createStreaming(Make.run(thread, assistant).build()));
    Story.hold(Make.last(events).isThreadRunFailed(), "the stream ends with " + Make.last(events));
    String wordy = Make.thread(client, "say " + "word ".repeat(400));
    var cut = Make.hear(runs.createStreaming(Make.run(wordy, assistant).maxCompletionTokens(256).build()));
    var reason = Make.last(cut).asThreadRunIncomplete().data().incompleteDetails().orElseThrow().reason();
    Story.same(reason.orElseThrow().toString(), "max_completion_tokens");
  }

  private void streams() {
    String thread = Make.thread(client, TELL);
    var events = Make.hear(runs.createStreaming(Make.run(thread, Make.assistant(client)).build()));
    var texts = Make.deltas(events);
    Story.hold(texts.size() > 1, "the text came in one piece");
    Story.same(String.join("", texts), TOLD);
    Story.hold(events.get(0).isThreadRunCreated(), "the stream begins with " + events.get(0));
    var usage = Make.last(events).asThreadRunCompleted().data().usage().orElseThrow();
    Story.hold(usage.completionTokens() > 0, "no usage");
  }

  private void threadAndRun() throws Exception {
    var message =
        ThreadCreateAndRunParams.Thread.Message.builder()
            .role(ThreadCreateAndRunParams.Thread.Message.Role.USER)
            .content(TELL)
            .build();
    var body =
        ThreadCreateAndRunParams.builder()
            .assistantId(Make.assistant(client))
            .thread(ThreadCreateAndRunParams.Thread.builder().addMessage(message).build())
            .build();
    Run plain = threads.createAndRun(body).validate();
    Story.same(Make.settled(plain.threadId(), plain.id()).status(), RunStatus.COMPLETED);
    Story.same(Make.answerIn(plain.threadId()), TOLD);
    var events = Make.hear(threads.createAndRunStreaming(body));
    Story.hold(events.get(0).isThreadCreated(), "the stream begins with " + events.get(0));
    Story.same(String.join("", Make.deltas(events)), TOLD);
    Story.hold(Make.last(events).isThreadRunCompleted(), "the stream ends with " + Make.last(events));
  }

  private void hangUp() throws Exception {
    String thread = Make.thread(client, TELL);
    String run;
    try (var stream = runs.createStreaming(Make.run(thread, Make.assistant(client)).build())) {
      run = stream.stream().iterator().next().asThreadRunCreated().data().id();
    }
    Story.same(Make.settled(thread, run).status(), RunStatus.COMPLETED);
    Story.same(Make.answerIn(thread), TOLD);
  }

  private void idleStreams() {
    var idle = OpenAIOkHttpClient.builder().fromEnv().baseUrl(System.getenv("SPOOL_COMPAT_IDLE_URL")).build();
    String thread = Make.thread(idle, "slow 1200\nsay one two three");
    var body = Make.run(thread, Make.assistant(idle)).build();
    var events = Make.hear(idle.beta().threads().runs().createStreaming(body));
    Story.same(String.join("", Make.deltas(events)), "one two three");
    Story.hold(Make.last(events).isThreadRunCompleted(), "the stream ends with " + Make.last(events));
  }

  private void errors() throws Exception {
    var assistants = client.beta().assistants();
    var missing =
        Story.refused(NotFoundException.class, () -> assistants.retrieve("asst_000000000000000000000000"));
    Story.same(missing.getMessage(), "404: No assistant found with id 'asst_000000000000000000000000'.");
    Story.hold(missing.headers().values("x-request-id").get(0).startsWith("req_"), "no request id");
    var body =
        AssistantCreateParams.builder()
            .model(Make.MODEL)
            .putAdditionalBodyProperty("file_ids", JsonValue.from(List.of()))
            .build();
    var unknown = Story.refused(BadRequestException.class, () -> assistants.create(body));
    Story.same(unknown.code().orElseThrow(), "unknown_parameter");
    Story.same(unknown.param().orElseThrow(), "file_ids");
    Story.same(unknown.type().orElseThrow(), "invalid_request_error");
    var stranger = OpenAIOkHttpClient.builder().fromEnv().apiKey("sk-wrong").build();
    Story.refused(UnauthorizedException.class, () -> stranger.beta().threads().create());
    var wrongBeta = ThreadCreateParams.builder().replaceAdditionalHeaders("OpenAI-Beta", "assistants=v1").build();
    Story.refused(BadRequestException.class, () -> threads.create(wrongBeta));

    String assistant = Make.assistant(client);
    String thread = Make.thread(client, "call get_weather {}");
    Run run = Make.settled(thread, runs.create(Make.run(thread, assistant).build()).id());
    var locked = Story.refused(BadRequestException.class, () -> Make.message(thread, "Hurry"));
    String text = "400: Can't add messages to " + thread + " while a run " + run.id() + " is active.";
    Story.same(locked.getMessage(), text);
    var again = Make.run(thread, assistant).build();
    var busy = Story.refused(BadRequestException.class, () -> runs.createStreaming(again));
    Story.same(busy.getMessage(), "400: Thread " + thread + " already has an active run " + run.id() + ".");
    runs.cancel(RunCancelParams.builder().threadId(thread).runId(run.id()).build());
  }

  private void rawResponses() {
    try (var response = threads.withRawResponse().create()) {
      Story.same(response.statusCode(), 200);
      Story.same(response.headers().values("openai-version"), List.of("2020-10-01"));
      Story.hold(response.requestId().orElseThrow().startsWith("req_"), "no request id");
      Story.hold(response.parse().validate().id().startsWith("thread_"), "a strange id");
    }
  }

  private void models() {
    var listed = client.models().list().autoPager().stream().collect(toList());
    Story.hold(!listed.isEmpty(), "no models");
    Story.same(client.models().retrieve(listed.get(0).id()).validate(), listed.get(0));
  }

  private void chat() {
    var body = ChatCompletionCreateParams.builder().model(Make.MODEL).addUserMessage(TELL).build();
    var whole = client.chat().completions().create(body).validate();
    Story.same(whole.choices().get(0).message().content().orElseThrow(), TOLD);
    try (var stream = client.chat().completions().createStreaming(body)) {
      var pieces =
          stream.stream()
              .flatMap(chunk -> chunk.validate().choices().stream())
              .map(choice -> choice.delta().content().orElse(""))
              .collect(toList());
      Story.same(String.join("", pieces), TOLD);
    }
  }
}
