import com.aallam.openai.api.BetaOpenAI
import com.aallam.openai.api.assistant.AssistantRequest
import com.aallam.openai.api.assistant.AssistantTool
import com.aallam.openai.api.assistant.Function
import com.aallam.openai.api.chat.ToolCall
import com.aallam.openai.api.core.Parameters
import com.aallam.openai.api.core.Role
import com.aallam.openai.api.core.Status
import com.aallam.openai.api.file.FileSource
import com.aallam.openai.api.file.FileUpload
import com.aallam.openai.api.file.Purpose
import com.aallam.openai.api.message.MessageContent
import com.aallam.openai.api.message.MessageRequest
import com.aallam.openai.api.model.ModelId
import com.aallam.openai.api.run.RequiredAction
import com.aallam.openai.api.run.Run
import com.aallam.openai.api.run.RunRequest
import com.aallam.openai.api.run.ToolOutput
import com.aallam.openai.api.thread.ThreadId
import com.aallam.openai.api.vectorstore.VectorStoreRequest
import com.aallam.openai.client.OpenAI
import com.aallam.openai.client.OpenAIHost
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import kotlinx.io.Buffer
import kotlinx.io.writeString
import kotlin.system.exitProcess

const val OUTPUT = """{"temperature": 22}"""

/** `OpenAI` of aallam's openai-kotlin: a function, a second run, a file in a vector store. It has no streams of runs. */
@OptIn(BetaOpenAI::class)
fun main() = runBlocking<Unit> {
    val host = OpenAIHost(baseUrl = System.getenv("OPENAI_BASE_URL") + "/")
    val openai = OpenAI(token = System.getenv("OPENAI_API_KEY"), host = host)
    val schema = """{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}"""
    val weather = Function("get_weather", "The weather of a city", Parameters.fromJsonString(schema))
    val assistant = openai.assistant(
        AssistantRequest(
            name = "Forecaster",
            model = ModelId("gpt-4o"),
            tools = listOf(AssistantTool.FunctionTool(function = weather), AssistantTool.FileSearch),
        ),
    )
    val thread = openai.thread().id
    openai.message(thread, MessageRequest(role = Role.User, content = "call get_weather {\"city\": \"Rome\"}"))
    val waiting = openai.settled(openai.createRun(thread, RunRequest(assistant.id)))
    val action = waiting.requiredAction as RequiredAction.SubmitToolOutputs
    val call = action.toolOutputs.toolCalls.single() as ToolCall.Function
    check(call.function.name == "get_weather") { call }
    val output = ToolOutput(toolCallId = call.id, output = OUTPUT)
    val answered = openai.settled(openai.submitToolOutput(thread, waiting.id, listOf(output)))
    check(answered.status == Status.Completed) { answered }
    check(openai.newest(thread) == "get_weather answered: $OUTPUT") { openai.newest(thread) }
    check(openai.runSteps(thread, answered.id).size == 2)

    openai.message(thread, MessageRequest(role = Role.User, content = "say hello"))
    openai.settled(openai.createRun(thread, RunRequest(assistant.id)))
    check(openai.newest(thread) == "hello") { openai.newest(thread) }

    val source = FileSource("lamp.txt", Buffer().apply { writeString("The lamp is lit.") })
    val file = openai.file(FileUpload(source, Purpose("assistants")))
    val store = openai.createVectorStore(VectorStoreRequest(name = "Lamps", fileIds = listOf(file.id)))
    check(openai.vectorStores().any { it.id == store.id })
    check(openai.delete(store.id) && openai.delete(file.id) && openai.delete(assistant.id))
    println("pass scenario")
    // The connections would keep the process for another minute.
    exitProcess(0)
}

@OptIn(BetaOpenAI::class)
suspend fun OpenAI.settled(run: Run): Run {
    var latest = run
    while (latest.status == Status.Queued || latest.status == Status.InProgress) {
        delay(50)
        latest = getRun(latest.threadId, latest.id)
    }
    return latest
}

@OptIn(BetaOpenAI::class)
suspend fun OpenAI.newest(thread: ThreadId): String =
    (messages(thread).first().content.single() as MessageContent.Text).text.value
