// The scenario with the official Go SDK. Prints `pass NAME`, `fail NAME: REASON` or `skip NAME: REASON` for each
// chapter; arguments choose chapters.
package main

import (
	"context"
	"embed"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/openai/openai-go/v3"
)

//go:embed *.go
var sources embed.FS

type chapter struct {
	name string
	tell func()
}

// unsupported is what a chapter panics with when the SDK has no such thing.
type unsupported string

// client knows the server from its environment alone.
var client = openai.NewClient()
var ctx = context.Background()

func main() {
	failed := false
	chapters := slices.Concat(
		objectChapters, runChapters, streamChapters, storeChapters, toolChapters, answerChapters,
	)
	for _, one := range chapters {
		if len(os.Args) > 1 && !slices.Contains(os.Args[1:], one.name) {
			continue
		}
		verdict := tell(one)
		fmt.Println(verdict)
		failed = failed || strings.HasPrefix(verdict, "fail")
	}
	if failed {
		os.Exit(1)
	}
}

// tell runs one chapter; a panic is the reason of its failure.
func tell(one chapter) (verdict string) {
	defer func() {
		switch reason := recover().(type) {
		case nil:
		case unsupported:
			verdict = fmt.Sprintf("skip %s: %s", one.name, reason)
		default:
			verdict = fmt.Sprintf("fail %s: %s", one.name, strings.ReplaceAll(fmt.Sprint(reason), "\n", " | "))
		}
	}()
	one.tell()
	return "pass " + one.name
}

// must ends the chapter with the error, if there is one.
func must[T any](value T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("%v %#v", err, err))
	}
	return value
}

func same(found, expected any) {
	if !reflect.DeepEqual(found, expected) {
		panic(fmt.Sprintf("expected %v, found %v", expected, found))
	}
}

func hold(isTrue bool, what string) {
	if !isTrue {
		panic(what)
	}
}
