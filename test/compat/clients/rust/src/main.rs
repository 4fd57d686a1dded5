//! `async-openai`, for the address and key in OPENAI_BASE_URL and OPENAI_API_KEY.

use std::{env, error::Error, time::Duration};

use async_openai::{config::OpenAIConfig, types::*, Client};
use futures::StreamExt;
use serde_json::json;

const OUTPUT: &str = r#"{"temperature": 22}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = OpenAIConfig::new().with_api_base(env::var("OPENAI_BASE_URL")?);
    let client = Client::with_config(config);
    let weather = FunctionObject {
        name: "get_weather".into(),
        description: Some("The weather of a city".into()),
        parameters: Some(json!({"type": "object", "properties": {"city": {"type": "string"}}})),
        strict: None,
    };
    let request = CreateAssistantRequestArgs::default()
        .model("gpt-4o")
        .name("Forecaster")
        .instructions("Be brief.")
        .tools(vec![AssistantToolsFunction::from(weather).into()])
        .build()?;
    let assistant = client.assistants().create(request).await?;
    assert_eq!(client.assistants().retrieve(&assistant.id).await?.id, assistant.id);
    let thread = client.threads().create(CreateThreadRequest::default()).await?;

    ask(&client, &thread.id, r#"call get_weather {"city": "Rome"}"#).await?;
    let runs = client.threads();
    let runs = runs.runs(&thread.id);
    let request = CreateRunRequestArgs::default().assistant_id(&assistant.id).build()?;
    let id = runs.create(request).await?.id;
    let waiting = settled(&client, &thread.id, &id).await?;
    assert!(matches!(waiting.status, RunStatus::RequiresAction), "{waiting:?}");
    let calls = waiting.required_action.expect("an action").submit_tool_outputs.tool_calls;
    assert_eq!(calls[0].function.arguments, r#"{"city": "Rome"}"#);
    let tool_outputs = vec![ToolsOutputs {
        tool_call_id: Some(calls[0].id.clone()),
        output: Some(OUTPUT.into()),
    }];
    let outputs = SubmitToolOutputsRunRequest { tool_outputs, stream: None };
    runs.submit_tool_outputs(&id, outputs).await?;
    let run = settled(&client, &thread.id, &id).await?;
    assert!(matches!(run.status, RunStatus::Completed), "{run:?}");
    let messages = client.threads().messages(&thread.id).list(&[("limit", "1")]).await?;
    let MessageContent::Text(text) = &messages.data[0].content[0] else { panic!("{messages:?}") };
    assert_eq!(text.text.value, format!("get_weather answered: {OUTPUT}"));

    ask(&client, &thread.id, "say one two three").await?;
    let request = CreateRunRequestArgs::default().assistant_id(&assistant.id).stream(true).build()?;
    let mut stream = runs.create_stream(request).await?;
    let mut said = String::new();
    let mut has_completed = false;
    while let Some(event) = stream.next().await {
        match event? {
            AssistantStreamEvent::ThreadMessageDelta(delta) => {
                for part in delta.delta.content.unwrap_or_default() {
                    let MessageDeltaContent::Text(part) = part else { panic!("{part:?}") };
                    said += &part.text.and_then(|text| text.value).unwrap_or_default();
                }
            }
            AssistantStreamEvent::ThreadRunCompleted(_) => has_completed = true,
            _ => {}
        }
    }
    assert_eq!((said.as_str(), has_completed), ("one two three", true));

    let lamp = FileInput::from_vec_u8("lamp.txt".into(), b"The lamp is lit.".to_vec());
    let request = CreateFileRequest { file: lamp, purpose: FilePurpose::Assistants, expires_after: None };
    let file = client.files().create(request).await?;
    let request = CreateVectorStoreRequestArgs::default()
        .name("Lamps")
        .file_ids(vec![file.id.clone()])
        .build()?;
    let store = client.vector_stores().create(request).await?;
    assert_eq!(client.vector_stores().retrieve(&store.id).await?.id, store.id);
    client.vector_stores().delete(&store.id).await?;
    client.files().delete(&file.id).await?;
    client.threads().delete(&thread.id).await?;
    assert!(client.assistants().delete(&assistant.id).await?.deleted);
    println!("pass scenario");
    Ok(())
}

async fn ask(client: &Client<OpenAIConfig>, thread: &str, text: &str) -> Result<(), Box<dyn Error>> {
    let request = CreateMessageRequestArgs::default().content(text).build()?;
    client.threads().messages(thread).create(request).await?;
    Ok(())
}

async fn settled(client: &Client<OpenAIConfig>, thread: &str, id: &str) -> Result<RunObject, Box<dyn Error>> {
    loop {
        let run = client.threads().runs(thread).retrieve(id).await?;
        if !matches!(run.status, RunStatus::Queued | RunStatus::InProgress) {
            return Ok(run);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
