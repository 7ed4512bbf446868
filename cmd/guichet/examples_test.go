package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"guichet/cmd/guichet/serve"
	"guichet/connectors/client"
)

// Every example of docs/examples.md does what the page says, through the command line.
func TestExamples(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	page, err := os.ReadFile(filepath.Join(root, "docs", "examples.md"))
	if err != nil {
		t.Fatal(err)
	}
	// What a reader would put in: her own issuer, store and buckets.
	text := strings.NewReplacer("https://login.example", g.rig.Issuers[0].Issuer, "https://s3.example", g.rig.S3.Endpoint, "eu-1", g.rig.S3.Region,
		"work_bucket: work", "work_bucket: "+g.rig.S3.WorkBucket, "bucket: data", "bucket: "+g.rig.S3.Bucket).Replace(string(page))
	dir := t.TempDir()
	files := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)```yaml\n# ([a-z.]+)\n(.*?)```").FindAllStringSubmatch(text, -1) {
		files[m[1]] = written(t, dir, m[1], m[2])
	}
	if len(files) != strings.Count(text, "```yaml") || len(files) != 9 {
		t.Fatalf("%d examples, %d blocks", len(files), strings.Count(text, "```yaml"))
	}
	for name, s := range map[string]string{"agronomy/wheat/train/1.csv": "field,yield\na,7.5\nb,8.25\n", "agronomy/wheat/test.csv": "field,yield\nc,6.5\n"} {
		_, err := g.store().Put(t.Context(), g.rig.S3.Bucket, name, strings.NewReader(s), int64(len(s)))
		if err != nil {
			t.Fatal(err)
		}
	}
	call := func(who string, args ...string) string {
		t.Helper()
		p := g.rig.Persona(who)
		source, err := client.ClientCredentials(t.Context(), p.Issuer, p.ID, p.Secret)
		if err != nil {
			t.Fatal(err)
		}
		token, err := source(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		cmd := guichetCommand(append([]string{"--server", g.base, "--token", written(t, dir, who+".token", token)}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("guichet %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	for _, noun := range []string{"participant", "store", "factory", "project"} {
		call("operator", noun, "add", files[noun+".yaml"])
	}
	if out := call("agronomy", "register", "--check", files["dataset.yaml"]); !strings.Contains(out, "it can be registered") || !strings.Contains(out, "points") {
		t.Errorf("a check says %s", out)
	}
	id := regexp.MustCompile(`ds-[a-z0-9]{20}`).FindString(call("agronomy", "register", files["dataset.yaml"]))
	if out := call("agronomy", "offer", id, "--file", files["offer.yaml"], "--try", "--country", "FR"); !strings.Contains(out, "train-model") ||
		!strings.Contains(out, "review") || !strings.Contains(out, "nothing is published yet") {
		t.Errorf("terms that are tried come to %s", out)
	}
	call("agronomy", "offer", id, "--file", files["offer.yaml"])
	terms, err := os.ReadFile(filepath.Join(root, "docs", "offers.md"))
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(terms), -1) {
		call("agronomy", "offer", id, "--file", written(t, dir, fmt.Sprintf("terms-%d.yaml", i), m[1]))
	}
	out := call("agronomy", "publish", id, "--file", files["publication.yaml"])
	if !strings.Contains(out, "version 2024-01 is published: 1 table, 2 shards, 3 rows") {
		t.Errorf("the publication says %s", out)
	}
	call("agronomy", "change", id, files["dataset.yaml"])
	if out := call("agronomy", "show", id); !strings.Contains(out, "to ask: data@agronomy.example") {
		t.Errorf("whom to ask is not shown: %s", out)
	}
	id = regexp.MustCompile(`ds-[a-z0-9]{20}`).FindString(call("agronomy", "register", files["csv.yaml"]))
	rows := written(t, dir, "rows.csv", "Tag;Abfahrt;Linie;Einsteiger;Umsatz;Ort\n29.02.2024;29.02.2024 07:30;007;1.204;3.611,20;M\xfcnster\n01.03.2024;01.03.2024 08:00;11;k. A.;261,5;Greven\n")
	out = call("agronomy", "publish", id, "fahrten="+rows, "--dry-run")
	for _, want := range []string{"version dry-run is tried: 1 table, 1 shard, 2 rows", "nothing is published", `date32 (declared): column "Tag"`, `timestamp[us] (declared): column "Abfahrt"`,
		`int64 (declared): column "Einsteiger"`, `decimal(38, 2) (declared): column "Umsatz"`, `column "Ort"`} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in the report:\n%s", want, out)
		}
	}
	c, err := serve.ReadConfig(files["guichet.yaml"])
	if err != nil || len(c.Issuers) != 2 || !c.Issuers[0].Own || c.Credentials["local"].AccessKeyFile == "" {
		t.Errorf("the settings: %+v, %v", c, err)
	}
}
