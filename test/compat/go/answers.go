package main

import (
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

var answerChapters = []chapter{
	{"errors", func() {
		missing := refused(client.Beta.Assistants.Get(ctx, "asst_000000000000000000000000"))
		same(missing.StatusCode, http.StatusNotFound)
		same(missing.Message, "No assistant found with id 'asst_000000000000000000000000'.")
		hold(strings.HasPrefix(missing.Response.Header.Get("x-request-id"), "req_"), "no request id")
		unknown := refused(client.Beta.Assistants.New(ctx, openai.BetaAssistantNewParams{Model: model},
			option.WithJSONSet("file_ids", []string{})))
		same([]string{unknown.Message, unknown.Param, unknown.Code, unknown.Type}, []string{
			"Unknown parameter: 'file_ids'.", "file_ids", "unknown_parameter", "invalid_request_error",
		})
		stranger := openai.NewClient(option.WithAPIKey("sk-wrong"))
		same(refused(stranger.Beta.Threads.New(ctx, openai.BetaThreadNewParams{})).StatusCode, http.StatusUnauthorized)
		noBeta := refused(client.Beta.Threads.New(ctx, openai.BetaThreadNewParams{}, option.WithHeaderDel("OpenAI-Beta")))
		same(noBeta.Code, "invalid_beta")

		assistant := makeAssistant(client)
		thread := makeThread(client, "call get_weather {}")
		run := settled(thread, startRun(thread, assistant).ID)
		locked := refused(addMessage(thread, "Hurry"))
		same(locked.Message, fmt.Sprintf("Can't add messages to %s while a run %s is active.", thread, run.ID))
		stream := client.Beta.Threads.Runs.NewStreaming(ctx, thread, openai.BetaThreadRunNewParams{AssistantID: assistant})
		hold(!stream.Next(), "a second run streams")
		busy := refused(0, stream.Err())
		same(busy.Message, fmt.Sprintf("Thread %s already has an active run %s.", thread, run.ID))
		must(client.Beta.Threads.Runs.Cancel(ctx, thread, run.ID))
	}},

	{"raw-responses", func() {
		var response *http.Response
		made := must(client.Beta.Threads.New(ctx, openai.BetaThreadNewParams{}, option.WithResponseInto(&response)))
		same(response.Header.Get("openai-version"), "2020-10-01")
		hold(strings.HasPrefix(response.Header.Get("x-request-id"), "req_"), "no request id")
		var raw *http.Response
		must(0, client.Get(ctx, "threads/"+made.ID, nil, &raw, option.WithHeader("OpenAI-Beta", "assistants=v2")))
		hold(strings.Contains(string(must(io.ReadAll(raw.Body))), made.ID), "the body is another")
	}},

	{"models", func() {
		listed := []string{}
		pager := client.Models.ListAutoPaging(ctx)
		for pager.Next() {
			listed = append(listed, pager.Current().ID)
		}
		must(0, pager.Err())
		same(string(must(client.Models.Get(ctx, listed[0])).Object), "model")
	}},

	{"chat", func() {
		body := openai.ChatCompletionNewParams{
			Model:    model,
			Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(tellIt)},
		}
		same(must(client.Chat.Completions.New(ctx, body)).Choices[0].Message.Content, told)
		stream, text := client.Chat.Completions.NewStreaming(ctx, body), ""
		for stream.Next() {
			text += stream.Current().Choices[0].Delta.Content
		}
		must(0, stream.Err())
		same(text, told)
	}},

	{"completeness", func() {
		source := ""
		for _, file := range must(sources.ReadDir(".")) {
			source += string(must(sources.ReadFile(file.Name())))
		}
		threads, stores := &client.Beta.Threads, &client.VectorStores
		resources := []any{
			&client.Beta.Assistants, threads, &threads.Messages, &threads.Runs, &threads.Runs.Steps,
			stores, &stores.Files, &stores.FileBatches, &client.Files, &client.Uploads, &client.Uploads.Parts,
		}
		for _, resource := range resources {
			kind := reflect.TypeOf(resource)
			for index := range kind.NumMethod() {
				name := kind.Method(index).Name
				hold(strings.Contains(source, "."+name+"("), fmt.Sprintf("%s.%s is not part of this story", kind, name))
			}
		}
	}},
}
