package suite

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"boxwood-conformance/internal/pb/workflowsv1"
	"boxwood-conformance/workflows"
)

// The examples with dogs and news ask services on the internet; a local one with the same answers
// takes their place.

type DownloadRandomDogImages struct{ NumImages int }

func (t *DownloadRandomDogImages) Execute(ctx context.Context) error {
	note(ctx, "plan %d", t.NumImages)
	if ctx.Value(recursiveKey{}) != nil && t.NumImages > 4 {
		half := t.NumImages / 2
		for _, share := range []int{half, t.NumImages - half} {
			if _, err := workflows.SubmitSubtask(ctx, &DownloadRandomDogImages{NumImages: share}); err != nil {
				return err
			}
		}
		return nil
	}
	var answer struct{ Message []string }
	if err := getJSON(ctx, fmt.Sprintf("%s/random/%d", setting[string](ctx, "service"), t.NumImages), &answer); err != nil {
		return err
	}
	images := make([]*DownloadImage, 0, len(answer.Message))
	for _, address := range answer.Message {
		images = append(images, &DownloadImage{ImageURL: address})
	}
	_, err := workflows.SubmitSubtasks(ctx, images)
	return err
}

type recursiveKey struct{}

type DownloadImage struct{ ImageURL string }

func (t *DownloadImage) Execute(ctx context.Context) error {
	content, err := get(ctx, t.ImageURL)
	if err != nil {
		return err
	}
	note(ctx, "download")
	return os.WriteFile(filepath.Join(setting[string](ctx, "dogs"), path.Base(t.ImageURL)), content, 0o600)
}

func get(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

func getJSON(ctx context.Context, address string, into any) error {
	content, err := get(ctx, address)
	if err != nil {
		return err
	}
	return json.Unmarshal(content, into)
}

// dogs starts the image service and gives the tasks a folder to write to.
func (w *world) dogs() (folder string) {
	folder = w.TempDir()
	router := http.NewServeMux()
	service := httptest.NewServer(router)
	w.Cleanup(service.Close)
	router.HandleFunc("GET /random/{count}", func(response http.ResponseWriter, request *http.Request) {
		count, err := strconv.Atoi(request.PathValue("count"))
		if err != nil {
			http.Error(response, err.Error(), http.StatusBadRequest)
			return
		}
		images := make([]string, count)
		for i := range images {
			images[i] = fmt.Sprintf("%s/image/dog-%d-of-%d.jpg", service.URL, i, count)
		}
		_ = json.NewEncoder(response).Encode(map[string]any{"message": images, "status": "success"})
	})
	router.HandleFunc("GET /image/{name}", func(response http.ResponseWriter, request *http.Request) {
		_, _ = io.WriteString(response, "image "+request.PathValue("name"))
	})
	w.journal.set("service", service.URL)
	w.journal.set("dogs", folder)
	return folder
}

func TestExample4And5_DownloadDogImages(t *testing.T) {
	w := newWorld(t)
	folder := w.dogs()
	job := w.submit("download-dog-images", &DownloadRandomDogImages{NumImages: 5})
	equal(w, "name", job.Name, "download-dog-images")
	equal(w, "state on return", job.State, workflows.JobSubmitted)
	w.runAll(&DownloadRandomDogImages{}, &DownloadImage{})

	stored := w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 6})
	equal(w, "root input", w.inputs()[0], `{"NumImages":5}`)
	files, err := os.ReadDir(folder)
	w.must(err)
	equal(w, "files", len(files), 5)
	equal(w, "first file", files[0].Name(), "dog-0-of-5.jpg")
	for _, task := range stored.TaskSummaries[1:] {
		equal(w, "display", task.Display, "DownloadImage")
	}
}

func TestExample9_RecursiveDogImages(t *testing.T) {
	w := newWorld(t)
	w.dogs()
	w.ctx = context.WithValue(w.ctx, recursiveKey{}, true)
	job := w.submit("recursive-dogs", &DownloadRandomDogImages{NumImages: 9})
	w.runAll(&DownloadRandomDogImages{}, &DownloadImage{})

	w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 14})
	equal(w, "execution, depth first (R-11)", w.journal.all(), []string{
		"plan 9",
		"plan 4", "download", "download", "download", "download",
		"plan 5",
		"plan 2", "download", "download",
		"plan 3", "download", "download", "download",
	})
	var plans []string
	for _, task := range w.calls.handedOut() {
		if task.GetDisplay() == "DownloadRandomDogImages" {
			plans = append(plans, string(task.GetInput()))
		}
	}
	equal(w, "inputs", plans, []string{
		`{"NumImages":9}`, `{"NumImages":4}`, `{"NumImages":5}`, `{"NumImages":2}`, `{"NumImages":3}`,
	})
}

// With two runners, images of one branch can be downloaded while the other branch is still being planned.
func TestExample9_ImagesComeBeforeTheOtherBranchIsPlanned(t *testing.T) {
	w := newWorld(t)
	ids := []*workflowsv1.TaskIdentifier{identifier("DownloadRandomDogImages", "v0.0"), identifier("DownloadImage", "v0.0")}
	w.submit("recursive-dogs", &DownloadRandomDogImages{NumImages: 9})

	root := w.expectTask(nil, w.ask(ids...))
	report := computed(root)
	report.SubTasks = w.tasks(group(`{"NumImages":4}`, `{"NumImages":5}`))
	report.SubTasks.IdentifierLookup[0].Name = "DownloadRandomDogImages"
	four := w.expectTask(report, w.ask(ids...))
	five := w.expectTask(nil, w.ask(ids...)) // a second runner holds the other branch, and has planned nothing yet
	equal(w, "branches", []string{string(four.GetInput()), string(five.GetInput())}, []string{`{"NumImages":4}`, `{"NumImages":5}`})
	images := computed(four)
	images.SubTasks = w.tasks(group("a", "b", "c", "d"))
	images.SubTasks.IdentifierLookup[0].Name = "DownloadImage"
	image := w.expectTask(images, w.ask(ids...))
	equal(w, "an image of the first branch", string(image.GetInput()), "a")
}

// The news example: two tasks wait for one, which writes a file for them.

type NewsWorkflow struct {
	Category    string `json:"category"`
	MaxArticles int    `json:"max_articles"`
}

func (t *NewsWorkflow) Execute(ctx context.Context) error {
	fetch, err := workflows.SubmitSubtask(ctx, &FetchNews{Category: t.Category, MaxArticles: t.MaxArticles})
	if err != nil {
		return err
	}
	if _, err := workflows.SubmitSubtask(ctx, &PrintHeadlines{}, workflows.WithDependencies(fetch)); err != nil {
		return err
	}
	_, err = workflows.SubmitSubtask(ctx, &MostFrequentAuthors{}, workflows.WithDependencies(fetch))
	return err
}

type FetchNews struct {
	Category    string `json:"category"`
	MaxArticles int    `json:"max_articles"`
}

type article struct {
	Author      string `json:"author"`
	Title       string `json:"title"`
	PublishedAt string `json:"publishedAt"`
}

func (t *FetchNews) Execute(ctx context.Context) error {
	note(ctx, "fetch")
	return workflows.WithSpan(ctx, "fetch-news", func(ctx context.Context) error {
		describeSpan(ctx, map[string]any{"category": t.Category, "max_articles": t.MaxArticles})
		content, err := get(ctx, fmt.Sprintf("%s/%s?limit=%d", setting[string](ctx, "news"), t.Category, t.MaxArticles))
		if err != nil {
			return err
		}
		var articles []article
		if err := json.Unmarshal(content, &articles); err != nil {
			return err
		}
		logInfo(ctx, "Fetched news articles", "category", t.Category, "article_count", len(articles))
		return os.WriteFile(newsFile(ctx), content, 0o600)
	})
}

func newsFile(ctx context.Context) string {
	return filepath.Join(setting[string](ctx, "folder"), "news.json")
}

func readNews(ctx context.Context) ([]article, error) {
	content, err := os.ReadFile(newsFile(ctx))
	if err != nil {
		return nil, err
	}
	var articles []article
	return articles, json.Unmarshal(content, &articles)
}

type PrintHeadlines struct{}

func (t *PrintHeadlines) Execute(ctx context.Context) error {
	note(ctx, "headlines")
	articles, err := readNews(ctx)
	for _, article := range articles {
		logInfo(ctx, "News headline", "published_at", article.PublishedAt[:10], "title", article.Title)
	}
	return err
}

type MostFrequentAuthors struct{}

func (t *MostFrequentAuthors) Execute(ctx context.Context) error {
	note(ctx, "authors")
	articles, err := readNews(ctx)
	if err != nil {
		return err
	}
	counts := map[string]int{}
	for _, article := range articles {
		counts[article.Author]++
	}
	authors := sortedKeys(counts)
	slices.SortStableFunc(authors, func(a, b string) int { return counts[b] - counts[a] })
	for _, author := range authors {
		logInfo(ctx, "Author article count", "author", author, "count", counts[author])
	}
	return nil
}

func TestExample12_NewsWorkflow(t *testing.T) {
	w := newWorld(t)
	service := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(response).Encode([]article{
			{"Ada", "First", "2024-05-01T10:00:00Z"}, {"Bob", "Second", "2024-05-02T10:00:00Z"}, {"Ada", "Third", "2024-05-03T10:00:00Z"},
		})
	}))
	w.Cleanup(service.Close)
	w.journal.set("news", service.URL)
	w.journal.set("folder", w.TempDir())
	job := w.submit("news", &NewsWorkflow{Category: "science", MaxArticles: 5})
	w.runAll(&NewsWorkflow{}, &FetchNews{}, &PrintHeadlines{}, &MostFrequentAuthors{})

	equal(w, "with one runner, headlines before authors", w.journal.all(), []string{"fetch", "headlines", "authors"})
	equal(w, "inputs", w.inputs(), []string{
		`{"category":"science","max_articles":5}`, `{"category":"science","max_articles":5}`, `{}`, `{}`,
	})
	w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 4})

	records := w.awaitLogRecords(job.ID, 6)
	var headlines, authors []string
	for _, record := range records {
		switch record.Body {
		case "Fetched news articles":
			equal(w, "category", record.Attributes["category"], any("science"))
			equal(w, "article count keeps its type (O-38)", record.Attributes["article_count"], any(int64(3)))
		case "News headline":
			headlines = append(headlines, fmt.Sprint(record.Attributes["published_at"], " ", record.Attributes["title"]))
		case "Author article count":
			authors = append(authors, fmt.Sprint(record.Attributes["author"], " ", record.Attributes["count"]))
		}
	}
	equal(w, "headlines", headlines, []string{"2024-05-01 First", "2024-05-02 Second", "2024-05-03 Third"})
	equal(w, "authors", authors, []string{"Ada 2", "Bob 1"})

	spans := w.awaitSpans(job.ID, "fetch-news")
	fetch, task := spans["fetch-news"], spans["task/FetchNews"]
	equal(w, "parent of the custom span (O-14)", fetch.ParentSpanID, task.SpanID)
	equal(w, "span category", fetch.Attributes["category"], any("science"))
	equal(w, "span max_articles", fetch.Attributes["max_articles"], any(int64(5)))
}
