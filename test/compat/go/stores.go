package main

import (
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/shared"
)

const tides = "The tide in the harbour of Saint-Malo rises by twelve metres."
const bread = "Rye bread is baked with sourdough for two hours."

// textFile is what a program hands to the SDK for an upload.
func textFile(name, text string, purpose openai.FilePurpose) openai.FileNewParams {
	return openai.FileNewParams{File: openai.File(strings.NewReader(text), name, "text/plain"), Purpose: purpose}
}

func upload(name, text string) string {
	return must(client.Files.New(ctx, textFile(name, text, openai.FilePurposeAssistants))).ID
}

func makeStore() string {
	return must(client.VectorStores.New(ctx, openai.VectorStoreNewParams{})).ID
}

func download(file string) string {
	content := must(client.Files.Content(ctx, file))
	defer content.Body.Close()
	return string(must(io.ReadAll(content.Body)))
}

var storeChapters = []chapter{
	{"files", func() {
		made := must(client.Files.New(ctx, textFile("notes 你好.txt", "Some words.", openai.FilePurposeAssistants)))
		same([]any{made.Filename, made.Bytes}, []any{"notes 你好.txt", int64(11)})
		same(must(client.Files.Get(ctx, made.ID)).RawJSON(), made.RawJSON())
		kept := refused(client.Files.Content(ctx, made.ID))
		same(kept.Message, "Not allowed to download files of purpose: assistants")
		lines := must(client.Files.New(ctx, textFile("lines.jsonl", "{\"n\":1}\n", openai.FilePurposeBatch)))
		same(download(lines.ID), "{\"n\":1}\n")
		listed := []string{}
		pager := client.Files.ListAutoPaging(ctx, openai.FileListParams{Limit: openai.Int(1)})
		for pager.Next() {
			listed = append(listed, pager.Current().ID)
		}
		must(0, pager.Err())
		same(listed[:2], []string{lines.ID, made.ID})
		batches := must(client.Files.List(ctx, openai.FileListParams{Purpose: openai.String("batch")}))
		same(batches.Data[0].ID, lines.ID)
		same(must(client.Files.Delete(ctx, made.ID)).Deleted, true)
		same(refused(client.Files.Get(ctx, made.ID)).StatusCode, http.StatusNotFound)
	}},

	{"uploads", func() {
		begin := func() *openai.Upload {
			return must(client.Uploads.New(ctx, openai.UploadNewParams{
				Filename: "big.jsonl", Bytes: 12, MimeType: "text/jsonl", Purpose: openai.FilePurposeBatch,
			}))
		}
		begun := begin()
		parts := []string{}
		for _, text := range []string{"{\"a\":1}\n", "{} \n"} {
			part := openai.UploadPartNewParams{Data: strings.NewReader(text)}
			parts = append(parts, must(client.Uploads.Parts.New(ctx, begun.ID, part)).ID)
		}
		done := must(client.Uploads.Complete(ctx, begun.ID, openai.UploadCompleteParams{PartIDs: parts}))
		same(done.Status, openai.UploadStatusCompleted)
		same(download(done.File.ID), "{\"a\":1}\n{} \n")
		same(must(client.Uploads.Cancel(ctx, begin().ID)).Status, openai.UploadStatusCancelled)
	}},

	{"vector-stores", func() {
		stores := client.VectorStores
		made := must(stores.New(ctx, openai.VectorStoreNewParams{Name: openai.String("Shelf")}))
		hold(strings.HasPrefix(made.ID, "vs_"), made.ID)
		same(must(stores.Get(ctx, made.ID)).RawJSON(), made.RawJSON())
		changed := must(stores.Update(ctx, made.ID, openai.VectorStoreUpdateParams{Name: openai.String("Board")}))
		same(changed.Name, "Board")
		second := makeStore()
		listed := []string{}
		pager := stores.ListAutoPaging(ctx, openai.VectorStoreListParams{Limit: openai.Int(1)})
		for pager.Next() {
			listed = append(listed, pager.Current().ID)
		}
		must(0, pager.Err())
		same(listed[:2], []string{second, made.ID})
		same(must(stores.List(ctx, openai.VectorStoreListParams{})).Data[0].ID, second)
		same(must(stores.Delete(ctx, made.ID)).Deleted, true)
		same(refused(stores.Get(ctx, made.ID)).StatusCode, http.StatusNotFound)
	}},

	{"store-files", func() {
		files := client.VectorStores.Files
		store := makeStore()
		polled := must(files.UploadAndPoll(ctx, store, textFile("tides.txt", tides, openai.FilePurposeAssistants), 0))
		same(polled.Status, openai.VectorStoreFileStatusCompleted)
		created := must(files.NewAndPoll(ctx, store, openai.VectorStoreFileNewParams{FileID: upload("bread.txt", bread)}, 50))
		same(created.Status, openai.VectorStoreFileStatusCompleted)
		begun := must(files.Upload(ctx, store, textFile("more.txt", "More words.", openai.FilePurposeAssistants)))
		must(files.PollStatus(ctx, store, begun.ID, 0))
		plain := must(files.New(ctx, store, openai.VectorStoreFileNewParams{FileID: upload("even.txt", "Even more.")}))
		same(must(files.PollStatus(ctx, store, plain.ID, 0)).Status, openai.VectorStoreFileStatusCompleted)
		year := openai.VectorStoreFileUpdateParamsAttributeUnion{OfFloat: openai.Float(2021)}
		changed := must(files.Update(ctx, store, plain.ID, openai.VectorStoreFileUpdateParams{
			Attributes: map[string]openai.VectorStoreFileUpdateParamsAttributeUnion{"year": year},
		}))
		same(changed.Attributes["year"].OfFloat, 2021.0)
		same(must(files.Get(ctx, store, plain.ID)).Attributes["year"].OfFloat, 2021.0)
		listed := []string{}
		pager := files.ListAutoPaging(ctx, store, openai.VectorStoreFileListParams{
			Limit:  openai.Int(3),
			Filter: openai.VectorStoreFileListParamsFilterCompleted,
		})
		for pager.Next() {
			listed = append(listed, pager.Current().ID)
		}
		must(0, pager.Err())
		same(listed, []string{plain.ID, begun.ID, created.ID, polled.ID})
		same(must(files.Content(ctx, store, polled.ID)).Data[0].Text, tides)
		content := files.ContentAutoPaging(ctx, store, polled.ID)
		hold(content.Next() && content.Current().Text == tides, "the content is another")
		same(must(files.Delete(ctx, store, created.ID)).Deleted, true)
		same(len(must(files.List(ctx, store, openai.VectorStoreFileListParams{})).Data), 3)
		odd := openai.VectorStoreFileNewParams{FileID: upload("x.zip", "zip")}
		same(refused(files.New(ctx, store, odd)).Code, "unsupported_file")
		must(client.VectorStores.Delete(ctx, store))
	}},

	{"file-batches", func() {
		batches := client.VectorStores.FileBatches
		store := makeStore()
		polled := must(batches.UploadAndPoll(ctx, store, []openai.FileNewParams{
			textFile("tides.txt", tides, openai.FilePurposeAssistants),
			textFile("bread.txt", bread, openai.FilePurposeAssistants),
		}, nil, 0))
		same([]any{string(polled.Status), polled.FileCounts.Completed}, []any{"completed", int64(2)})
		ids := []string{}
		pager := batches.ListFilesAutoPaging(ctx, store, polled.ID, openai.VectorStoreFileBatchListFilesParams{})
		for pager.Next() {
			ids = append(ids, pager.Current().ID)
		}
		must(0, pager.Err())
		same(len(ids), 2)
		listed := must(batches.ListFiles(ctx, store, polled.ID, openai.VectorStoreFileBatchListFilesParams{}))
		hold(slices.Contains(ids, listed.Data[0].ID), "another file is listed")
		same(must(batches.Get(ctx, store, polled.ID)).RawJSON(), polled.RawJSON())
		body := openai.VectorStoreFileBatchNewParams{FileIDs: ids}
		same(string(must(batches.NewAndPoll(ctx, store, body, 50)).Status), "completed")
		begun := must(batches.New(ctx, store, body))
		same(string(must(batches.PollStatus(ctx, store, begun.ID, 0)).Status), "completed")
		same(string(must(batches.Cancel(ctx, store, begun.ID)).Status), "completed")
		must(client.VectorStores.Delete(ctx, store))
	}},

	{"search", func() {
		store := makeStore()
		must(client.VectorStores.FileBatches.NewAndPoll(ctx, store, openai.VectorStoreFileBatchNewParams{
			FileIDs: []string{upload("tides.txt", tides), upload("bread.txt", bread)},
		}, 50))
		question := openai.VectorStoreSearchParamsQueryUnion{OfString: openai.String("How high is the tide?")}
		pager := client.VectorStores.SearchAutoPaging(ctx, store, openai.VectorStoreSearchParams{Query: question})
		hold(pager.Next(), "nothing was found")
		best := pager.Current()
		same([]string{best.Filename, best.Content[0].Text}, []string{"tides.txt", tides})
		sea := openai.VectorStoreFileUpdateParamsAttributeUnion{OfString: openai.String("sea")}
		must(client.VectorStores.Files.Update(ctx, store, best.FileID, openai.VectorStoreFileUpdateParams{
			Attributes: map[string]openai.VectorStoreFileUpdateParamsAttributeUnion{"topic": sea},
		}))
		other := must(client.VectorStores.Search(ctx, store, openai.VectorStoreSearchParams{
			Query: openai.VectorStoreSearchParamsQueryUnion{OfStringArray: []string{"tide", "harbour"}},
			Filters: openai.VectorStoreSearchParamsFiltersUnion{OfComparisonFilter: &shared.ComparisonFilterParam{
				Type:  shared.ComparisonFilterTypeNe,
				Key:   "topic",
				Value: shared.ComparisonFilterValueUnionParam{OfString: openai.String("sea")},
			}},
		}))
		for _, one := range other.Data {
			same(one.Filename, "bread.txt")
		}
		must(client.VectorStores.Delete(ctx, store))
	}},
}
