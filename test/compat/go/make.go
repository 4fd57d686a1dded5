package main

import (
	"errors"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/openai/openai-go/v3/shared"
)

// The demo model answers every name.
const model = "gpt-4o"

var weather = openai.AssistantToolUnionParam{OfFunction: &openai.FunctionToolParam{
	Function: shared.FunctionDefinitionParam{
		Name:        "get_weather",
		Description: openai.String("Tells the weather in a city."),
		Parameters: shared.FunctionParameters{
			"type":       "object",
			"properties": map[string]any{"city": map[string]any{"type": "string"}},
			"required":   []string{"city"},
		},
	},
}}

func makeAssistant(at openai.Client) string {
	return must(at.Beta.Assistants.New(ctx, openai.BetaAssistantNewParams{
		Model: model,
		Name:  openai.String("Compat"),
		Tools: []openai.AssistantToolUnionParam{weather},
	})).ID
}

// makeThread makes a thread with messages, the last of which holds the directives for the demo model.
func makeThread(at openai.Client, contents ...string) string {
	messages := []openai.BetaThreadNewParamsMessage{}
	for _, content := range contents {
		messages = append(messages, openai.BetaThreadNewParamsMessage{
			Role:    "user",
			Content: openai.BetaThreadNewParamsMessageContentUnion{OfString: openai.String(content)},
		})
	}
	return must(at.Beta.Threads.New(ctx, openai.BetaThreadNewParams{Messages: messages})).ID
}

func addMessage(thread, content string) (*openai.Message, error) {
	return client.Beta.Threads.Messages.New(ctx, thread, openai.BetaThreadMessageNewParams{
		Role:    openai.BetaThreadMessageNewParamsRoleUser,
		Content: openai.BetaThreadMessageNewParamsContentUnion{OfString: openai.String(content)},
	})
}

// answerIn is the newest message's text: lists begin with it.
func answerIn(thread string) string {
	page := must(client.Beta.Threads.Messages.List(ctx, thread, openai.BetaThreadMessageListParams{}))
	return page.Data[0].Content[0].Text.Value
}

func startRun(thread, assistant string) *openai.Run {
	return must(client.Beta.Threads.Runs.New(ctx, thread, openai.BetaThreadRunNewParams{AssistantID: assistant}))
}

// settled waits by hand until the run waits or has ended: this SDK has no helper for it.
func settled(thread, run string) *openai.Run {
	for {
		found := must(client.Beta.Threads.Runs.Get(ctx, thread, run))
		switch found.Status {
		case openai.RunStatusQueued, openai.RunStatusInProgress, openai.RunStatusCancelling:
			time.Sleep(50 * time.Millisecond)
		default:
			return found
		}
	}
}

func callsAsked(run *openai.Run) []openai.RequiredActionFunctionToolCall {
	return run.RequiredAction.SubmitToolOutputs.ToolCalls
}

func outputs(calls []openai.RequiredActionFunctionToolCall, texts ...string) openai.BetaThreadRunSubmitToolOutputsParams {
	body := openai.BetaThreadRunSubmitToolOutputsParams{}
	for index, text := range texts {
		body.ToolOutputs = append(body.ToolOutputs, openai.BetaThreadRunSubmitToolOutputsParamsToolOutput{
			ToolCallID: openai.String(calls[index].ID),
			Output:     openai.String(text),
		})
	}
	return body
}

// heard holds the events of a stream.
type heard struct {
	names     []string
	text      string
	arguments string
	input     string
	logs      string
	deltas    int
	final     openai.AssistantStreamEventUnionData
}

// hear reads a stream to its end.
func hear(stream *ssestream.Stream[openai.AssistantStreamEventUnion]) heard {
	told := heard{}
	for stream.Next() {
		event := stream.Current()
		told.names = append(told.names, event.Event)
		told.final = event.Data
		for _, part := range event.Data.Delta.Content {
			told.deltas++
			told.text += part.Text.Value
		}
		for _, call := range event.Data.Delta.StepDetails.ToolCalls {
			told.arguments += call.Function.Arguments
			told.input += call.CodeInterpreter.Input
			for _, output := range call.CodeInterpreter.Outputs {
				told.logs += output.Logs
			}
		}
	}
	if err := stream.Err(); err != nil {
		panic(err)
	}
	return told
}

// refused is the API's error with which a call must have failed.
func refused[T any](_ T, err error) *openai.Error {
	var refusal *openai.Error
	if !errors.As(err, &refusal) {
		panic(errors.Join(errors.New("expected an API error"), err))
	}
	return refusal
}
