package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/shared"
)

var objectChapters = []chapter{
	{"assistants", func() {
		assistants := client.Beta.Assistants
		made := must(assistants.New(ctx, openai.BetaAssistantNewParams{
			Model:        model,
			Name:         openai.String("Forecaster"),
			Description:  openai.String("Knows the weather."),
			Instructions: openai.String("Be brief."),
			Tools:        []openai.AssistantToolUnionParam{weather},
			Metadata:     shared.Metadata{"team": "compat"},
			Temperature:  openai.Float(0.5),
		}))
		hold(strings.HasPrefix(made.ID, "asst_"), made.ID)
		same(must(assistants.Get(ctx, made.ID)).RawJSON(), made.RawJSON())
		changed := must(assistants.Update(ctx, made.ID, openai.BetaAssistantUpdateParams{Name: openai.String("Oracle")}))
		same([]string{changed.Name, changed.Instructions}, []string{"Oracle", "Be brief."})
		second := makeAssistant(client)
		listed := []string{}
		pager := assistants.ListAutoPaging(ctx, openai.BetaAssistantListParams{
			Limit: openai.Int(1),
			Order: openai.BetaAssistantListParamsOrderAsc,
		})
		for pager.Next() {
			listed = append(listed, pager.Current().ID)
		}
		must(0, pager.Err())
		hold(slices.Index(listed, made.ID) >= 0, "the assistant is not listed")
		hold(slices.Index(listed, made.ID) < slices.Index(listed, second), "the list is out of order")
		newest := must(assistants.List(ctx, openai.BetaAssistantListParams{Limit: openai.Int(1)}))
		same(newest.Data[0].ID, second)
		same(must(assistants.Delete(ctx, made.ID)).Deleted, true)
	}},

	{"threads", func() {
		threads := client.Beta.Threads
		empty := must(threads.New(ctx, openai.BetaThreadNewParams{}))
		hold(strings.HasPrefix(empty.ID, "thread_"), empty.ID)
		thread := makeThread(client, "Hello", "Anyone?")
		same(answerIn(thread), "Anyone?")
		same(must(threads.Get(ctx, thread)).ID, thread)
		changed := must(threads.Update(ctx, thread, openai.BetaThreadUpdateParams{
			Metadata: shared.Metadata{"topic": "farewell"},
		}))
		same(changed.Metadata, shared.Metadata{"topic": "farewell"})
		same(must(threads.Delete(ctx, thread)).Deleted, true)
		same(refused(threads.Get(ctx, thread)).StatusCode, 404)
	}},

	{"messages", func() {
		messages := client.Beta.Threads.Messages
		thread := makeThread(client, "first")
		made := must(addMessage(thread, "second"))
		same(made.Content[0].Text.Value, "second")
		same(must(messages.Get(ctx, thread, made.ID)).RawJSON(), made.RawJSON())
		changed := must(messages.Update(ctx, thread, made.ID, openai.BetaThreadMessageUpdateParams{
			Metadata: shared.Metadata{"n": "two"},
		}))
		same(changed.Metadata, shared.Metadata{"n": "two"})
		same(answerIn(thread), "second")
		same(must(messages.Delete(ctx, thread, made.ID)).Deleted, true)
		same(answerIn(thread), "first")
	}},

	{"lists", func() {
		messages := client.Beta.Threads.Messages
		words := []string{}
		for index := range 45 {
			words = append(words, fmt.Sprintf("message %d", index))
		}
		thread := makeThread(client, words[:30]...)
		for _, word := range words[30:] {
			must(addMessage(thread, word))
		}
		all := []string{}
		pager := messages.ListAutoPaging(ctx, thread, openai.BetaThreadMessageListParams{
			Limit: openai.Int(20),
			Order: openai.BetaThreadMessageListParamsOrderAsc,
		})
		for pager.Next() {
			all = append(all, pager.Current().Content[0].Text.Value)
		}
		must(0, pager.Err())
		same(all, words)
		first := must(messages.List(ctx, thread, openai.BetaThreadMessageListParams{Limit: openai.Int(20)}))
		second := must(first.GetNextPage())
		same(second.Data[0].Content[0].Text.Value, "message 24")
		third := must(second.GetNextPage())
		same([]int{len(first.Data), len(second.Data), len(third.Data)}, []int{20, 20, 5})
		same(third.HasMore, false)
		before := must(messages.List(ctx, thread, openai.BetaThreadMessageListParams{
			Before: openai.String(first.Data[3].ID),
		}))
		same(len(before.Data), 3)
	}},
}
