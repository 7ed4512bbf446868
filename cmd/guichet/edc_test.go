package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guichet/catalog/harvest"
	"guichet/schemas"
)

// connector is a real Eclipse EDC with an identity service that believes everybody.
type connector struct {
	t          *testing.T
	protocol   string // address
	management string
	control    string
}

// edcJars is where make setup puts the connector's jars.
func edcJars(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join(root, ".cache", "edc"))
	if err == nil {
		_, err = os.Stat(filepath.Join(dir, "complete"))
	}
	if err == nil {
		_, err = exec.LookPath("java")
	}
	if err == nil {
		return filepath.Join(dir, "lib")
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("there is no connector to ask, and CI=true: %v", err)
	}
	t.Skipf("make setup fetches the connector, with Java and Maven: %v", err)
	return ""
}

// freePorts are ports that nobody listens at.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var out []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		out = append(out, l.Addr().(*net.TCPAddr).Port)
	}
	return out
}

func startConnector(t *testing.T) *connector {
	t.Helper()
	jars, port := edcJars(t), freePorts(t, 4)
	at := func(i int, path string) string { return fmt.Sprintf("http://127.0.0.1:%d%s", port[i], path) }
	c := &connector{t: t, protocol: at(2, "/protocol"), management: at(1, "/management"), control: at(3, "/control")}
	args := []string{"-Xmx256m", "-Dedc.participant.id=edc-provider", "-Dweb.http.path=/api", "-Dweb.http.management.path=/management",
		"-Dweb.http.protocol.path=/protocol", "-Dweb.http.control.path=/control", "-Dedc.dsp.callback.address=" + c.protocol, "-Dweb.api.auth.key=k"}
	for i, name := range []string{"", "management.", "protocol.", "control."} {
		args = append(args, fmt.Sprintf("-Dweb.http.%sport=%d", name, port[i]))
	}
	var log logBuffer
	cmd := exec.Command("java", append(args, "-cp", filepath.Join(jars, "*"), "org.eclipse.edc.boot.system.runtime.BaseRuntime")...)
	cmd.Stdout, cmd.Stderr = &log, &log
	err := cmd.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed, as wanted
	})
	for began := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		resp, err := http.Get(at(0, "/api/check/health"))
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return c
			}
		}
		if time.Since(began) > 2*time.Minute {
			t.Fatalf("the connector is not up after two minutes: %v\n%s", err, log.String())
		}
	}
}

// put posts to the connector's own interfaces.
func (c *connector) put(address string, in map[string]any) {
	c.t.Helper()
	in["@context"] = map[string]string{"@vocab": "https://w3id.org/edc/v0.0.1/ns/"}
	b, err := json.Marshal(in)
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, address, bytes.NewReader(b))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Api-Key", "k")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(resp.Body)
		c.t.Fatalf("%s: %s %s", address, resp.Status, said)
	}
}

// offer has the connector offer assets to everybody.
func (c *connector) offer(titles ...string) {
	c.t.Helper()
	c.put(c.control+"/v1/dataplanes", map[string]any{"@type": "DataPlaneInstance", "@id": "plane", "url": "http://127.0.0.1:9/dataflows",
		"allowedSourceTypes": []string{"HttpData"}, "allowedTransferTypes": []string{"HttpData-PULL"}})
	policy := map[string]any{"@context": "http://www.w3.org/ns/odrl.jsonld", "@type": "Set", "permission": []any{map[string]any{"action": "use"}}}
	c.put(c.management+"/v3/policydefinitions", map[string]any{"@id": "use", "@type": "PolicyDefinition", "policy": policy})
	for i, title := range titles {
		c.put(c.management+"/v3/assets", map[string]any{"@id": fmt.Sprintf("asset-%d", i), "@type": "Asset",
			"properties":  map[string]any{"name": title, dcatapKeyword: []string{"connector"}, "description": "Offered by a connector"},
			"dataAddress": map[string]any{"type": "HttpData", "baseUrl": "http://127.0.0.1:9/data"}})
	}
	c.put(c.management+"/v3/contractdefinitions", map[string]any{"@id": "all", "@type": "ContractDefinition", "accessPolicyId": "use",
		"contractPolicyId": "use", "assetsSelector": []any{}})
}

const dcatapKeyword = "http://www.w3.org/ns/dcat#keyword"

// TestConnectorOfADataspace: an operator adds a real Eclipse EDC, whose catalogue has three pages and
// wants a token; a trainer finds its datasets, marked as held elsewhere; a second harvest, in which
// every id of offers and services is another, changes nothing.
func TestConnectorOfADataspace(t *testing.T) {
	t.Parallel()
	c := startConnector(t)
	titles := []string{"Heat load of a quarter"}
	for i := range 112 {
		titles = append(titles, fmt.Sprintf("Series %d", i))
	}
	c.offer(titles...)
	g := newGateway(t, "")
	token := filepath.Join(t.TempDir(), "token")
	err := os.WriteFile(token, []byte(`{"region":"eu","audience":"edc-provider","clientId":"guichet"}`+"\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	g.settings(fmt.Sprintf("harvest_networks: [127.0.0.0/8]\nharvest_credentials:\n  - for: %s\n    file: %s\n", c.protocol, token))
	g.post("operator", "/sources", harvest.Catalogue{ID: "edc", URL: c.protocol, Kind: harvest.DSP, Space: "energy"}, nil)
	fares := func() (s harvest.Catalogue) {
		t.Helper()
		for began := time.Now(); s.Health.State != harvest.Well || s.Health.Anew; time.Sleep(100 * time.Millisecond) {
			s = harvest.Catalogue{}
			g.get("operator", "/sources/edc", &s)
			if time.Since(began) > time.Minute || s.Health.State == harvest.Failing {
				t.Fatalf("%+v", s.Health)
			}
		}
		return s
	}
	s := fares()
	if n := s.Health.Counts; n.New != 113 || n.Pages != 4 || s.Health.Refused != 0 {
		t.Errorf("%+v", s.Health)
	}
	var hits schemas.Page[schemas.Hit]
	for began := time.Now(); len(hits.Items) == 0 && time.Since(began) < 30*time.Second; time.Sleep(50 * time.Millisecond) {
		g.get("operator", "/datasets?q=heat+quarter", &hits)
	}
	if len(hits.Items) != 1 || hits.Items[0].Access != schemas.MarkElsewhere || !strings.HasPrefix(hits.Items[0].Links[0].URL, c.protocol) ||
		hits.Items[0].Publisher != "edc-provider" {
		t.Fatalf("%+v", hits.Items)
	}
	g.post("operator", "/sources/edc/harvest", map[string]bool{}, nil)
	if n := fares().Health.Counts; n.Records != 113 || n.New+n.Changed+n.Refused+n.Withdrawn != 0 {
		t.Errorf("harvested again: %+v", n)
	}
}
