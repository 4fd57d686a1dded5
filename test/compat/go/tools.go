package main

import (
	"strings"

	"github.com/openai/openai-go/v3"
)

var toolChapters = []chapter{
	{"code-interpreter", func() {
		tool := openai.NewCodeInterpreterToolParam()
		assistant := must(client.Beta.Assistants.New(ctx, openai.BetaAssistantNewParams{
			Model: model,
			Tools: []openai.AssistantToolUnionParam{{OfCodeInterpreter: &tool}},
			ToolResources: openai.BetaAssistantNewParamsToolResources{
				CodeInterpreter: openai.BetaAssistantNewParamsToolResourcesCodeInterpreter{
					FileIDs: []string{upload("n.csv", "1\n2\n39\n")},
				},
			},
		}))
		code := strings.Join([]string{
			`total = sum(map(int, open("/mnt/data/n.csv")))`,
			`open("/mnt/data/total.txt", "w").write(str(total))`,
			`print("the total is", total)`,
		}, "\n")
		thread := makeThread(client, "python\n```\n"+code+"\n```")
		told := hear(client.Beta.Threads.Runs.NewStreaming(ctx, thread, openai.BetaThreadRunNewParams{
			AssistantID: assistant.ID,
		}))
		same(told.final.Status, "completed")
		hold(strings.Contains(told.input, "the total is"), "the code did not stream: "+told.input)
		hold(strings.Contains(told.logs, "the total is 42"), "the output did not stream: "+told.logs)
		page := must(client.Beta.Threads.Messages.List(ctx, thread, openai.BetaThreadMessageListParams{
			RunID: openai.String(told.final.ID),
		}))
		same(download(page.Data[0].Attachments[0].FileID), "42")
	}},

	{"file-search", func() {
		store := makeStore()
		file := upload("tides.txt", tides)
		must(client.VectorStores.Files.NewAndPoll(ctx, store, openai.VectorStoreFileNewParams{FileID: file}, 50))
		assistant := must(client.Beta.Assistants.New(ctx, openai.BetaAssistantNewParams{
			Model: model,
			Tools: []openai.AssistantToolUnionParam{{OfFileSearch: &openai.FileSearchToolParam{}}},
			ToolResources: openai.BetaAssistantNewParamsToolResources{
				FileSearch: openai.BetaAssistantNewParamsToolResourcesFileSearch{VectorStoreIDs: []string{store}},
			},
		}))
		thread := makeThread(client, "How high is the tide in the harbour?")
		runs := client.Beta.Threads.Runs
		told := hear(runs.NewStreaming(ctx, thread, openai.BetaThreadRunNewParams{AssistantID: assistant.ID}))
		same(told.final.Status, "completed")
		page := must(client.Beta.Threads.Messages.List(ctx, thread, openai.BetaThreadMessageListParams{}))
		text := page.Data[0].Content[0].Text
		hold(strings.Contains(text.Value, "twelve metres"), text.Value)
		annotation := text.Annotations[0]
		same([]string{annotation.Type, annotation.FileCitation.FileID}, []string{"file_citation", file})
		// Indices count characters, not bytes.
		same(string([]rune(text.Value)[annotation.StartIndex:annotation.EndIndex]), annotation.Text)
		steps := must(runs.Steps.List(ctx, thread, told.final.ID, openai.BetaThreadRunStepListParams{
			Order: openai.BetaThreadRunStepListParamsOrderAsc,
			Include: []openai.RunStepInclude{
				openai.RunStepIncludeStepDetailsToolCallsFileSearchResultsContent,
			},
		}))
		result := steps.Data[0].StepDetails.ToolCalls[0].FileSearch.Results[0]
		same([]string{result.FileName, result.Content[0].Text}, []string{"tides.txt", tides})
		must(client.VectorStores.Delete(ctx, store))
	}},
}
