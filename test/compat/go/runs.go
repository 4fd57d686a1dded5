package main

import (
	"encoding/json"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/shared"
)

const ask = `call get_weather {"city":"Paris"}`
const answer = "get_weather answered: 21 degrees"

var runChapters = []chapter{
	{"runs", func() {
		runs := client.Beta.Threads.Runs
		assistant := makeAssistant(client)
		thread := makeThread(client, "say It is sunny.")
		made := must(runs.New(ctx, thread, openai.BetaThreadRunNewParams{
			AssistantID:  assistant,
			Instructions: openai.String("Answer at once."),
			AdditionalMessages: []openai.BetaThreadRunNewParamsAdditionalMessage{{
				Role: "user",
				Content: openai.BetaThreadRunNewParamsAdditionalMessageContentUnion{
					OfString: openai.String("say It is raining."),
				},
			}},
		}))
		same(made.Status, openai.RunStatusQueued)
		done := settled(thread, made.ID)
		same(done.Status, openai.RunStatusCompleted)
		same(done.Instructions, "Answer at once.")
		hold(done.Usage.CompletionTokens > 0, "no usage")
		same(done.Usage.TotalTokens, done.Usage.PromptTokens+done.Usage.CompletionTokens)
		same(answerIn(thread), "It is raining.")
		changed := must(runs.Update(ctx, thread, made.ID, openai.BetaThreadRunUpdateParams{
			Metadata: shared.Metadata{"n": "2"},
		}))
		same(changed.Metadata, shared.Metadata{"n": "2"})
		again := startRun(thread, assistant)
		settled(thread, again.ID)
		listed := []string{}
		pager := runs.ListAutoPaging(ctx, thread, openai.BetaThreadRunListParams{Limit: openai.Int(1)})
		for pager.Next() {
			listed = append(listed, pager.Current().ID)
		}
		must(0, pager.Err())
		same(listed, []string{again.ID, made.ID})
		same(len(must(runs.List(ctx, thread, openai.BetaThreadRunListParams{})).Data), 2)
	}},

	{"polling", func() {
		panic(unsupported("this SDK polls vector stores only, not runs"))
	}},

	{"functions", func() {
		runs := client.Beta.Threads.Runs
		assistant := makeAssistant(client)
		thread := makeThread(client, ask)
		asking := settled(thread, startRun(thread, assistant).ID)
		same(asking.Status, openai.RunStatusRequiresAction)
		calls := callsAsked(asking)
		same(calls[0].Function.Name, "get_weather")
		same(calls[0].Function.Arguments, `{"city":"Paris"}`)
		resumed := must(runs.SubmitToolOutputs(ctx, thread, asking.ID, outputs(calls, "21 degrees")))
		same(resumed.Status, openai.RunStatusQueued)
		same(settled(thread, asking.ID).Status, openai.RunStatusCompleted)
		same(answerIn(thread), answer)

		thread = makeThread(client, ask)
		told := hear(runs.NewStreaming(ctx, thread, openai.BetaThreadRunNewParams{AssistantID: assistant}))
		same(told.names[len(told.names)-1], "thread.run.requires_action")
		same(told.arguments, `{"city":"Paris"}`)
		calls = told.final.RequiredAction.SubmitToolOutputs.ToolCalls
		told = hear(runs.SubmitToolOutputsStreaming(ctx, thread, told.final.ID, outputs(calls, "21 degrees")))
		same(told.names[0], "thread.run.step.completed")
		same(told.text, answer)
		same(told.final.Status, "completed")
	}},

	{"parallel-functions", func() {
		runs := client.Beta.Threads.Runs
		thread := makeThread(client, ask+"\n"+`call get_weather {"city":"Oslo"}`)
		asking := settled(thread, startRun(thread, makeAssistant(client)).ID)
		calls := callsAsked(asking)
		same(len(calls), 2)
		cities := []string{}
		for _, call := range calls {
			var arguments struct{ City string }
			must(0, json.Unmarshal([]byte(call.Function.Arguments), &arguments))
			cities = append(cities, arguments.City)
		}
		same(cities, []string{"Paris", "Oslo"})
		same(refused(runs.SubmitToolOutputs(ctx, thread, asking.ID, outputs(calls, "warm"))).StatusCode, 400)
		must(runs.SubmitToolOutputs(ctx, thread, asking.ID, outputs(calls, "warm", "cold")))
		same(settled(thread, asking.ID).Status, openai.RunStatusCompleted)
		same(answerIn(thread), "get_weather answered: warm\nget_weather answered: cold")
	}},

	{"steps", func() {
		runs := client.Beta.Threads.Runs
		thread := makeThread(client, ask+"\nsay Warm.")
		run := settled(thread, startRun(thread, makeAssistant(client)).ID)
		must(runs.SubmitToolOutputs(ctx, thread, run.ID, outputs(callsAsked(run), "30")))
		settled(thread, run.ID)
		types := []string{}
		pager := runs.Steps.ListAutoPaging(ctx, thread, run.ID, openai.BetaThreadRunStepListParams{
			Limit: openai.Int(1),
			Order: openai.BetaThreadRunStepListParamsOrderAsc,
		})
		for pager.Next() {
			types = append(types, string(pager.Current().Type))
		}
		must(0, pager.Err())
		same(types, []string{"tool_calls", "message_creation"})
		listed := must(runs.Steps.List(ctx, thread, run.ID, openai.BetaThreadRunStepListParams{}))
		step := listed.Data[1]
		same(step.StepDetails.ToolCalls[0].Function.Output, "30")
		found := must(runs.Steps.Get(ctx, thread, run.ID, step.ID, openai.BetaThreadRunStepGetParams{}))
		same(string(found.Status), "completed")
	}},

	{"cancel", func() {
		runs := client.Beta.Threads.Runs
		assistant := makeAssistant(client)
		thread := makeThread(client, "slow 500\nsay a b c d e f g h i j k l m n o p q r s t u v w")
		run := startRun(thread, assistant)
		same(must(runs.Cancel(ctx, thread, run.ID)).Status, openai.RunStatusCancelling)
		same(settled(thread, run.ID).Status, openai.RunStatusCancelled)
		same(refused(runs.Cancel(ctx, thread, run.ID)).StatusCode, 400)

		stream := runs.NewStreaming(ctx, thread, openai.BetaThreadRunNewParams{AssistantID: assistant})
		id, isCancelled, last := "", false, ""
		for stream.Next() {
			last = stream.Current().Event
			if last == "thread.run.created" {
				id = stream.Current().Data.ID
			}
			if last == "thread.message.delta" && !isCancelled {
				must(runs.Cancel(ctx, thread, id))
				isCancelled = true
			}
		}
		must(0, stream.Err())
		same(last, "thread.run.cancelled")
		must(addMessage(thread, "say free again"))
	}},

	{"endings", func() {
		runs := client.Beta.Threads.Runs
		assistant := makeAssistant(client)
		thread := makeThread(client, "say So far\nfail rate_limit_exceeded")
		failed := settled(thread, startRun(thread, assistant).ID)
		same(failed.Status, openai.RunStatusFailed)
		same(failed.LastError.Code, "rate_limit_exceeded")
		told := hear(runs.NewStreaming(ctx, thread, openai.BetaThreadRunNewParams{AssistantID: assistant}))
		same(told.final.LastError.Code, "rate_limit_exceeded")
		thread = makeThread(client, "say "+strings.Repeat("word ", 400))
		told = hear(runs.NewStreaming(ctx, thread, openai.BetaThreadRunNewParams{
			AssistantID:         assistant,
			MaxCompletionTokens: openai.Int(256),
		}))
		same(told.final.Status, "incomplete")
		cut := must(runs.Get(ctx, thread, told.final.ID))
		same(cut.IncompleteDetails.Reason, "max_completion_tokens")
	}},
}
