package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/wispnet/wisp/internal/testkit/browser"
)

// TestStrangers is the guard as a browser meets it: a token in the address, a page of another
// site that tries what such pages can, and a name that was pointed at this machine.
func TestStrangers(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes long")
	}
	browser.Find(t)
	t.Setenv("XDG_STATE_HOME", t.TempDir())

	// The token opens the page once and then stands neither in the address nor in reach of scripts.
	site := served(t, "--listen", "0.0.0.0:0", "-q")
	query := site.RawQuery
	site.Host, site.RawQuery = "127.0.0.1:"+site.Port(), ""
	b := browser.New(t, site.String())
	b.Open("/")
	if text := browser.Value[string](b, `document.body.innerText`); !strings.Contains(text, "asks for a token") {
		t.Errorf("without the token: %.200q", text)
	}
	b.Calm("without the token", "status of 401")
	b.Open("/?" + query)
	if at := browser.Value[string](b, `location.href + " " + document.cookie`); at != site.String()+" " {
		t.Errorf("with the token the address and the cookie in reach are %q", at)
	}
	b.Open("/compare")
	if h := browser.Value[string](b, `document.querySelector("h1").textContent`); h != "Compare" {
		t.Errorf("with the cookie: %q", h)
	}
	b.Calm("with the token", "favicon.ico") // of the answer without a token, which names no picture

	open := served(t, "--listen", "127.0.0.1:0", "-q")
	page := fmt.Sprintf(`<!doctype html><title>stranger</title><img id="img" src="http://127.0.0.1:%[1]s/picture/blocks.svg?m=ghostnet">
<form id="form" method="post" action="http://127.0.0.1:%[1]s/run"><input name="m" value="ghostnet"><input name="kind" value="bench"><input name="level" value="quick">
<input name="threads" value="1"><input name="precision" value="float32"><input name="engine" value="native"></form>
<script>
window.said = {};
const img = document.getElementById("img");
img.onload = () => { said.img = "shown"; }; img.onerror = () => { said.img = "refused"; };
fetch("http://127.0.0.1:%[1]s/?format=json").then(() => { said.read = "read"; }, () => { said.read = "refused"; });
fetch("http://127.0.0.1:%[1]s/run", {method: "POST", mode: "no-cors", body: new URLSearchParams(new FormData(document.getElementById("form")))}).then(() => { said.post = "sent"; }, () => { said.post = "refused"; });
</script>`, open.Port())
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, page)
	}))
	defer stranger.Close()
	at := strings.Replace(stranger.URL, "127.0.0.1", browser.Stranger, 1)
	b.Do(chromedp.Navigate(at))
	b.Until(`said.img && said.read && said.post`)
	if img, read := browser.Value[string](b, `said.img`), browser.Value[string](b, `said.read`); img != "refused" || read != "refused" {
		t.Errorf("a stranger's page: the picture is %s, the document is %s", img, read)
	}
	b.Do(chromedp.Navigate(at))
	b.Script(`document.getElementById("form").submit()`)
	b.Until(`document.body.innerText.includes("comes from another site")`)
	b.Do(chromedp.Navigate(open.String() + "run"))
	if n := browser.Value[int](b, `document.querySelectorAll("table").length`); n != 0 {
		t.Error("a stranger's page started a measurement")
	}
	b.Do(chromedp.Navigate("http://" + browser.Stranger + ":" + open.Port() + "/"))
	if text := browser.Value[string](b, `document.body.innerText`); !strings.Contains(text, "is no name of this server") {
		t.Errorf("a name that was pointed at this machine: %.200q", text)
	}
}
