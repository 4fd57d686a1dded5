import static java.util.stream.Collectors.toList;

import com.openai.core.JsonValue;
import com.openai.core.MultipartField;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.models.ComparisonFilter;
import com.openai.models.beta.assistants.AssistantCreateParams;
import com.openai.models.beta.assistants.CodeInterpreterTool;
import com.openai.models.beta.assistants.FileSearchTool;
import com.openai.models.beta.threads.messages.MessageListParams;
import com.openai.models.beta.threads.runs.Run;
import com.openai.models.beta.threads.runs.steps.RunStepInclude;
import com.openai.models.beta.threads.runs.steps.StepListParams;
import com.openai.models.files.FileCreateParams;
import com.openai.models.files.FileListParams;
import com.openai.models.files.FileObject;
import com.openai.models.files.FilePurpose;
import com.openai.models.uploads.Upload;
import com.openai.models.uploads.UploadCompleteParams;
import com.openai.models.uploads.UploadCreateParams;
import com.openai.models.uploads.parts.PartCreateParams;
import com.openai.models.vectorstores.VectorStoreCreateParams;
import com.openai.models.vectorstores.VectorStoreListParams;
import com.openai.models.vectorstores.VectorStoreSearchParams;
import com.openai.models.vectorstores.VectorStoreUpdateParams;
import com.openai.models.vectorstores.filebatches.FileBatchCancelParams;
import com.openai.models.vectorstores.filebatches.FileBatchCreateParams;
import com.openai.models.vectorstores.filebatches.FileBatchListFilesParams;
import com.openai.models.vectorstores.filebatches.FileBatchRetrieveParams;
import com.openai.models.vectorstores.filebatches.VectorStoreFileBatch;
import com.openai.models.vectorstores.files.FileContentParams;
import com.openai.models.vectorstores.files.FileDeleteParams;
import com.openai.models.vectorstores.files.FileRetrieveParams;
import com.openai.models.vectorstores.files.FileUpdateParams;
import com.openai.models.vectorstores.files.VectorStoreFile;
import com.openai.services.blocking.VectorStoreService;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** The chapters about files, vector stores and the tools that the server has itself. */
final class Stores {
  private static final String TIDES = "The tide in the harbour of Saint-Malo rises by twelve metres.";
  private static final String BREAD = "Rye bread is baked with sourdough for two hours.";

  private final VectorStoreService stores = Make.client.vectorStores();

  void addTo(Map<String, Story.Chapter> chapters) {
    chapters.put("files", this::files);
    chapters.put("uploads", this::uploads);
    chapters.put("vector-stores", this::vectorStores);
    chapters.put("store-files", this::storeFiles);
    chapters.put("file-batches", this::fileBatches);
    chapters.put("search", this::search);
    chapters.put("code-interpreter", this::codeInterpreter);
    chapters.put("file-search", this::fileSearch);
  }

  private static InputStream stream(String text) {
    return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
  }

  private static FileObject upload(String name, String text, FilePurpose purpose) {
    var file = MultipartField.<InputStream>builder().value(stream(text)).filename(name).build();
    return Make.client.files().create(FileCreateParams.builder().file(file).purpose(purpose).build()).validate();
  }

  private static String upload(String name, String text) {
    return upload(name, text, FilePurpose.ASSISTANTS).id();
  }

  private static String download(String file) throws Exception {
    try (var response = Make.client.files().content(file)) {
      return new String(response.body().readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private VectorStoreFile putAndWait(String store, String file) throws InterruptedException {
    var body = com.openai.models.vectorstores.files.FileCreateParams.builder().vectorStoreId(store).fileId(file);
    var found = stores.files().create(body.build()).validate();
    var where = FileRetrieveParams.builder().vectorStoreId(store).fileId(file).build();
    while (found.status().equals(VectorStoreFile.Status.IN_PROGRESS)) {
      Thread.sleep(50);
      found = stores.files().retrieve(where).validate();
    }
    Story.same(found.status(), VectorStoreFile.Status.COMPLETED);
    return found;
  }

  private void files() throws Exception {
    var files = Make.client.files();
    var made = upload("notes 你好.txt", "Some words.", FilePurpose.ASSISTANTS);
    Story.same(made.filename(), "notes 你好.txt");
    Story.same(made.bytes(), 11L);
    Story.same(files.retrieve(made.id()), made);
    var kept = Story.refused(BadRequestException.class, () -> files.content(made.id()));
    Story.same(kept.getMessage(), "400: Not allowed to download files of purpose: assistants");
    var lines = upload("lines.jsonl", "{\"n\":1}\n", FilePurpose.BATCH);
    Story.same(download(lines.id()), "{\"n\":1}\n");
    var query = FileListParams.builder().limit(1).build();
    var listed = files.list(query).autoPager().stream().limit(2).map(FileObject::id).collect(toList());
    Story.same(listed, List.of(lines.id(), made.id()));
    Story.same(files.delete(made.id()).validate().deleted(), true);
    Story.refused(NotFoundException.class, () -> files.retrieve(made.id()));
  }

  private void uploads() throws Exception {
    var uploads = Make.client.uploads();
    var body =
        UploadCreateParams.builder()
            .filename("big.jsonl")
            .bytes(12)
            .mimeType("text/jsonl")
            .purpose(FilePurpose.BATCH)
            .build();
    var upload = uploads.create(body).validate();
    var parts = UploadCompleteParams.builder().uploadId(upload.id());
    for (String text : List.of("{\"a\":1}\n", "{} \n")) {
      var part = PartCreateParams.builder().uploadId(upload.id()).data(stream(text)).build();
      parts.addPartId(uploads.parts().create(part).validate().id());
    }
    var done = uploads.complete(parts.build()).validate();
    Story.same(done.status(), Upload.Status.COMPLETED);
    Story.same(download(done.file().orElseThrow().id()), "{\"a\":1}\n{} \n");
    Story.same(uploads.cancel(uploads.create(body).id()).validate().status(), Upload.Status.CANCELLED);
  }

  private void vectorStores() throws Exception {
    var made = stores.create(VectorStoreCreateParams.builder().name("Shelf").build()).validate();
    Story.same(stores.retrieve(made.id()), made);
    var changed = stores.update(made.id(), VectorStoreUpdateParams.builder().name("Board").build());
    Story.same(changed.validate().name(), "Board");
    // Without validate(): this SDK demands a name, and the API allows a store to have none.
    String second = stores.create().id();
    var query = VectorStoreListParams.builder().limit(1).build();
    var listed = stores.list(query).autoPager().stream().limit(2).map(one -> one.id()).collect(toList());
    Story.same(listed, List.of(second, made.id()));
    Story.same(stores.delete(made.id()).validate().deleted(), true);
    Story.refused(NotFoundException.class, () -> stores.retrieve(made.id()));
  }

  private void storeFiles() throws Exception {
    String store = stores.create().id();
    String tides = putAndWait(store, upload("tides.txt", TIDES)).id();
    String bread = putAndWait(store, upload("bread.txt", BREAD)).id();
    var attributes =
        FileUpdateParams.Attributes.builder().putAdditionalProperty("year", JsonValue.from(2021)).build();
    var change = FileUpdateParams.builder().vectorStoreId(store).fileId(tides).attributes(attributes).build();
    var changed = stores.files().update(change).validate().attributes().orElseThrow();
    Story.same(changed._additionalProperties().get("year"), JsonValue.from(2021));
    var listed = stores.files().list(store).autoPager().stream().map(VectorStoreFile::id).collect(toList());
    Story.same(listed, List.of(bread, tides));
    var content = FileContentParams.builder().vectorStoreId(store).fileId(tides).build();
    Story.same(stores.files().content(content).data().get(0).text().orElseThrow(), TIDES);
    var gone = FileDeleteParams.builder().vectorStoreId(store).fileId(bread).build();
    Story.same(stores.files().delete(gone).validate().deleted(), true);
    Story.same(stores.retrieve(store).fileCounts().total(), 1L);
    String odd = upload("x.zip", "zip");
    var refusal = Story.refused(BadRequestException.class, () -> putAndWait(store, odd));
    Story.same(refusal.code().orElseThrow(), "unsupported_file");
    stores.delete(store);
  }

  private void fileBatches() throws Exception {
    String store = stores.create().id();
    var ids = List.of(upload("tides.txt", TIDES), upload("bread.txt", BREAD));
    var body = FileBatchCreateParams.builder().vectorStoreId(store).fileIds(ids).build();
    var batch = stores.fileBatches().create(body).validate();
    var where = FileBatchRetrieveParams.builder().vectorStoreId(store).batchId(batch.id()).build();
    while (batch.status().equals(VectorStoreFileBatch.Status.IN_PROGRESS)) {
      Thread.sleep(50);
      batch = stores.fileBatches().retrieve(where).validate();
    }
    Story.same(batch.fileCounts().completed(), 2L);
    var query = FileBatchListFilesParams.builder().vectorStoreId(store).batchId(batch.id()).build();
    Story.same(stores.fileBatches().listFiles(query).autoPager().stream().count(), 2L);
    var stop = FileBatchCancelParams.builder().vectorStoreId(store).batchId(batch.id()).build();
    Story.same(stores.fileBatches().cancel(stop).validate().status(), VectorStoreFileBatch.Status.COMPLETED);
    stores.delete(store);
  }

  private void search() throws Exception {
    String store = stores.create().id();
    putAndWait(store, upload("tides.txt", TIDES));
    putAndWait(store, upload("bread.txt", BREAD));
    var question = VectorStoreSearchParams.builder().vectorStoreId(store).query("How high is the tide?");
    var best = stores.search(question.build()).autoPager().stream().findFirst().orElseThrow().validate();
    Story.same(best.filename(), "tides.txt");
    Story.same(best.content().get(0).text(), TIDES);
    var attributes =
        FileUpdateParams.Attributes.builder().putAdditionalProperty("topic", JsonValue.from("sea")).build();
    stores
        .files()
        .update(
            FileUpdateParams.builder()
                .vectorStoreId(store)
                .fileId(best.fileId())
                .attributes(attributes)
                .build());
    var filter = ComparisonFilter.builder().type(ComparisonFilter.Type.NE).key("topic").value("sea").build();
    var filtered = question.queryOfStrings(List.of("tide", "harbour")).filters(filter).build();
    for (var one : stores.search(filtered).data()) Story.same(one.filename(), "bread.txt");
    stores.delete(store);
  }

  private void codeInterpreter() throws Exception {
    var resource =
        AssistantCreateParams.ToolResources.CodeInterpreter.builder()
            .addFileId(upload("n.csv", "1\n2\n39\n"))
            .build();
    var body =
        AssistantCreateParams.builder()
            .model(Make.MODEL)
            .instructions("Compute.")
            .addTool(CodeInterpreterTool.builder().build())
            .toolResources(AssistantCreateParams.ToolResources.builder().codeInterpreter(resource).build());
    String assistant = Make.client.beta().assistants().create(body.build()).validate().id();
    String code =
        String.join(
            "\n",
            "total = sum(map(int, open(\"/mnt/data/n.csv\")))",
            "open(\"/mnt/data/total.txt\", \"w\").write(str(total))",
            "print(\"the total is\", total)");
    String thread = Make.thread(Make.client, "python\n```\n" + code + "\n```");
    Run run = runToItsEnd(thread, assistant);
    var steps = Make.client.beta().threads().runs().steps();
    var query = StepListParams.builder().threadId(thread).runId(run.id()).order(StepListParams.Order.ASC);
    var call = steps.list(query.build()).data().get(0).validate().stepDetails().asToolCalls().toolCalls().get(0);
    String logs = call.asCodeInterpreter().codeInterpreter().outputs().get(0).asLogs().logs();
    Story.same(logs, "the total is 42\n");
    var messages = MessageListParams.builder().threadId(thread).runId(run.id()).build();
    var message = Make.client.beta().threads().messages().list(messages).data().get(0).validate();
    Story.same(download(message.attachments().orElseThrow().get(0).fileId().orElseThrow()), "42");
  }

  private void fileSearch() throws Exception {
    String store = stores.create().id();
    String file = putAndWait(store, upload("tides.txt", TIDES)).id();
    var resource =
        AssistantCreateParams.ToolResources.FileSearch.builder().addVectorStoreId(store).build();
    var body =
        AssistantCreateParams.builder()
            .model(Make.MODEL)
            .instructions("Search.")
            .addTool(FileSearchTool.builder().build())
            .toolResources(AssistantCreateParams.ToolResources.builder().fileSearch(resource).build());
    String assistant = Make.client.beta().assistants().create(body.build()).validate().id();
    String thread = Make.thread(Make.client, "How high is the tide in the harbour?");
    Run run = runToItsEnd(thread, assistant);
    var messages = MessageListParams.builder().threadId(thread).runId(run.id()).build();
    var message = Make.client.beta().threads().messages().list(messages).data().get(0).validate();
    var text = message.content().get(0).asText().text();
    Story.hold(text.value().contains("twelve metres"), text.value());
    var citation = text.annotations().get(0).asFileCitation();
    Story.same(citation.fileCitation().fileId(), file);
    Story.same(text.value().substring((int) citation.startIndex(), (int) citation.endIndex()), citation.text());
    var query =
        StepListParams.builder()
            .threadId(thread)
            .runId(run.id())
            .order(StepListParams.Order.ASC)
            .addInclude(RunStepInclude.STEP_DETAILS_TOOL_CALLS_FILE_SEARCH_RESULTS_CONTENT)
            .build();
    var step = Make.client.beta().threads().runs().steps().list(query).data().get(0).validate();
    var call = step.stepDetails().asToolCalls().toolCalls().get(0).asFileSearch().fileSearch();
    var result = call.results().orElseThrow().get(0);
    Story.same(result.fileName(), "tides.txt");
    Story.same(result.content().orElseThrow().get(0).text().orElseThrow(), TIDES);
    stores.delete(store);
  }

  /** Streams a run; every event is valid and the run completes. */
  private static Run runToItsEnd(String thread, String assistant) {
    var stream = Make.client.beta().threads().runs().createStreaming(Make.run(thread, assistant).build());
    return Make.last(Make.hear(stream)).asThreadRunCompleted().data().validate();
  }
}
