package main

import (
	"os"
	"slices"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

const told = "one two three four five"
const tellIt = "slow 20\nsay " + told

var streamChapters = []chapter{
	{"streams", func() {
		thread := makeThread(client, tellIt)
		heard := hear(client.Beta.Threads.Runs.NewStreaming(ctx, thread, openai.BetaThreadRunNewParams{
			AssistantID: makeAssistant(client),
		}))
		hold(heard.deltas > 1, "the text came in one piece")
		same(heard.text, told)
		same(heard.final.Status, "completed")
		hold(heard.final.Usage.CompletionTokens > 0, "no usage")
		same(slices.Compact(heard.names), []string{
			"thread.run.created",
			"thread.run.queued",
			"thread.run.in_progress",
			"thread.run.step.created",
			"thread.run.step.in_progress",
			"thread.message.created",
			"thread.message.in_progress",
			"thread.message.delta",
			"thread.message.completed",
			"thread.run.step.completed",
			"thread.run.completed",
		})
	}},

	{"thread-and-run", func() {
		body := openai.BetaThreadNewAndRunParams{
			AssistantID: makeAssistant(client),
			Thread: openai.BetaThreadNewAndRunParamsThread{
				Messages: []openai.BetaThreadNewAndRunParamsThreadMessage{{
					Role: "user",
					Content: openai.BetaThreadNewAndRunParamsThreadMessageContentUnion{
						OfString: openai.String(tellIt),
					},
				}},
			},
		}
		plain := must(client.Beta.Threads.NewAndRun(ctx, body))
		same(settled(plain.ThreadID, plain.ID).Status, openai.RunStatusCompleted)
		same(answerIn(plain.ThreadID), told)
		heard := hear(client.Beta.Threads.NewAndRunStreaming(ctx, body))
		same(heard.names[0], "thread.created")
		same(heard.text, told)
		same(heard.final.Status, "completed")
	}},

	{"hang-up", func() {
		thread := makeThread(client, tellIt)
		stream := client.Beta.Threads.Runs.NewStreaming(ctx, thread, openai.BetaThreadRunNewParams{
			AssistantID: makeAssistant(client),
		})
		hold(stream.Next(), "no event")
		run := stream.Current().AsThreadRunCreated().Data.ID
		must(0, stream.Close())
		same(settled(thread, run).Status, openai.RunStatusCompleted)
		same(answerIn(thread), told)
	}},

	{"idle-streams", func() {
		idle := openai.NewClient(option.WithBaseURL(os.Getenv("SPOOL_COMPAT_IDLE_URL")))
		thread := makeThread(idle, "slow 1200\nsay one two three")
		heard := hear(idle.Beta.Threads.Runs.NewStreaming(ctx, thread, openai.BetaThreadRunNewParams{
			AssistantID: makeAssistant(idle),
		}))
		same(heard.text, "one two three")
		same(heard.final.Status, "completed")
	}},
}
