// Package lines writes the lines that a person copies to use an agreement.
//
// In: what is used: site, agreement, table, split, run. Out: groups of lines for terminals and programs, in an order in which
// no line stands before one that it needs. Always: whatever a name holds, it stays a word in its line: it is quoted for the
// shell, for Python, and for addresses. It must not know how pages are made.
//
//	python, duckdb, curl   a lease in LEASE     the first 20 rows, printed; then all of them. Of files their names; then one
//	s3                     the lease's key      where the site has such a face
//	kit                    a wheel of the site  the first batch, with the lease
//	program, torch, slurm  the program guichet  which signs in once, and renews leases
package lines

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"guichet/connectors/python"
	"guichet/schemas"
)

// Use is what lines are for.
type Use struct {
	Server    string // its address, without a slash at its end
	Issuer    string // at which the person signs in; "" where that needs no saying
	Agreement schemas.AgreementID
	Table     string // with the split: what is read; "" where there is one of each
	Split     string
	Files     bool          // the table has files in place of rows
	Run       schemas.RunID // "" for none
	S3        bool          // the site has such a face
	Missing   string        // what a line says where no lease is there, in the reader's language
}

// Group is the lines of one kind.
type Group struct {
	ID    string // use-ID is an anchor of the page
	Title string // a name that is the same in all languages; "" where the message lines.ID says it
	About bool   // the message linesabout.ID is about it
	Parts []Part
}

// Part is lines that are copied at once.
type Part struct {
	ID   string // of the element that holds them
	Says string // a message; "" for none
	Code string
}

// Of gives all lines for a use.
func Of(u Use) []Group {
	out := u.rows()
	if u.Files {
		out = u.files()
	}
	return append(out, u.program()...)
}

// printed prints a file of 20 rows.
const printed = ` && \
  python3 -c 'import pyarrow as pa; rows = pa.ipc.open_stream("first.arrows"); print(rows.schema); print(rows.read_pandas())'`

// rows are the lines that need a lease alone, of a table with rows.
func (u *Use) rows() []Group {
	out := []Group{
		{ID: "python", About: true, Parts: []Part{
			{"pip", "use.needs", "pip install pyarrow pandas duckdb"},
			{"python", "use.first", u.python("", "20", "print(batches.schema)", "print(batches.read_pandas())")},
			{"pythonall", "use.all", u.python("", "", "for batch in batches:", "    frame = batch.to_pandas()", "    print(len(frame))")},
		}},
		{ID: "duckdb", Title: "DuckDB", Parts: []Part{
			{"duckdb", "use.first", u.python(", duckdb", "20", `print(duckdb.sql("FROM batches"))`)},
			{"duckdball", "use.all", u.python(", duckdb", "", `print(duckdb.sql("SELECT count(*) FROM batches"))`)},
		}},
		{ID: "curl", Title: "curl", Parts: []Part{
			{"curlfirst", "use.first", u.curl("first.arrows", u.address("stream", "20")) + printed},
			{"curl", "use.all", u.curl("all.arrows", u.address("stream", ""))},
		}},
	}
	out = append(out, u.s3()...)
	return append(out, Group{ID: "kit", About: true, Parts: []Part{
		{"kit", "use.install", Install(u.Server)},
		{"kitfirst", "use.batch", "import os, sys, guichet\n" + u.lease() +
			"\nsite = guichet.connect(" + quoted(u.Server) + ", token=lease)\n" +
			"data = site.dataset(" + quoted(string(u.Agreement)) + u.options() + ", prefetch=0)\nprint(data.schema)\n" +
			"print(next(iter(data)).slice(0, 20).to_pandas())"},
	}})
}

// files are the lines that need a lease alone, of a table with files.
func (u *Use) files() []Group {
	one := u.base() + "/objects/" + url.PathEscape(u.Table) + "/" + url.PathEscape(u.Split) + "/"
	return append([]Group{
		{ID: "python", Parts: []Part{
			{"python", "use.names", "import json, os, sys, urllib.error, urllib.request\n" + u.lease() + `
def read(address):
    try:
        return urllib.request.urlopen(urllib.request.Request(address, headers={"Authorization": "Bearer " + lease}))
    except urllib.error.HTTPError as e:
        sys.exit(e.read().decode())
files = json.load(read(` + quoted(u.address("manifest", "")) + `))["tables"][0]["objects"]
for file in files[:20]:
    print(file["name"], file["media_type"], file["size"])`},
			{"pythonall", "use.firstfile", `import urllib.parse
name = files[0]["name"]
with open(os.path.basename(name), "wb") as copy:
    copy.write(read(` + quoted(one) + ` + urllib.parse.quote(name, safe="") + ` + quoted(u.query("", u.Run)) + `).read())`},
		}},
		{ID: "curl", Title: "curl", Parts: []Part{
			{"curl", "use.names", u.curl("manifest.json", u.address("manifest", "")) + " && \\\n  cat manifest.json"},
		}},
	}, u.s3()...)
}

// s3 is the line for S3 clients.
func (u *Use) s3() []Group {
	if !u.S3 {
		return nil
	}
	return []Group{{ID: "s3", Title: "S3", Parts: []Part{
		{"s3", "use.names", "aws s3 ls --recursive " + shell("s3://"+string(u.Agreement)+"/")},
	}}}
}

// program are the lines that need the program guichet, after those that sign in with it.
func (u *Use) program() []Group {
	program := Group{ID: "program", About: true, Parts: []Part{{"login", "use.signin", Login(u.Server, u.Issuer)}}}
	torch := Group{ID: "torch", Title: "torch", About: true, Parts: []Part{
		{"torch", "", "import guichet, guichet.torch\ndata = guichet.torch.IterableDataset(\n    guichet.connect(), " +
			quoted(string(u.Agreement)) + u.options() + ",\n    seed=7, batch_size=1024)\nprint(next(iter(data)))"},
	}}
	var out []Group
	stream := "guichet stream " + shell(string(u.Agreement)) + u.flags()
	if !u.Files {
		program.Parts = append(program.Parts, Part{"first", "use.first", stream + " --rows 20 --out first.arrows" + printed},
			Part{"stream", "use.all", stream + " --out all.arrows"})
		out = append(out, torch)
	}
	program.Parts = append(program.Parts,
		Part{"mount", "use.mount", "mkdir -p data && guichet mount " + shell(string(u.Agreement)) + u.run(" --run ") + " data"})
	return append(append([]Group{program}, out...), Group{ID: "slurm", Title: "Slurm", About: true, Parts: []Part{
		{"slurm", "", "guichet job-key " + shell(string(u.Agreement)) + u.run(" --run ") + " --for 10d --name night-run --out job.key\n" +
			"GUICHET_JOB_KEY=job.key sbatch job.sh"},
	}})
}

// Install is the line that installs the Python kit from a site.
func Install(server string) string { return "pip install " + shell(server+"/kit/"+python.Name) }

// Kit is how who signed in by guichet login reads a use in Python: the line that installs the kit, and the program.
func Kit(u Use) []string {
	return []string{Install(u.Server), "import guichet\nfor batch in guichet.connect().dataset(" + quoted(string(u.Agreement)) + u.options() +
		"):\n    print(batch.num_rows)"}
}

// Login is the line that signs in at a site; issuer "" where that needs no saying.
func Login(server, issuer string) string {
	line := "guichet login --server " + shell(server)
	if issuer != "" {
		line += " --issuer " + shell(issuer)
	}
	return line
}

// base is the address that those of the agreement's doors begin with.
func (u *Use) base() string {
	return u.Server + "/api/v1/agreements/" + url.PathEscape(string(u.Agreement))
}

// address is that of a door for the use; rows bounds it, "" for all.
func (u *Use) address(door, rows string) string {
	return u.base() + "/" + door + u.query(rows, u.Run, "table", u.Table, "split", u.Split)
}

// query is the end of an address: names with values, those that are empty left out.
func (u *Use) query(rows string, run schemas.RunID, more ...string) string {
	more = append(more, "run", string(run), "rows", rows)
	q := url.Values{}
	for i := 0; i+1 < len(more); i += 2 {
		if more[i+1] != "" {
			q.Set(more[i], more[i+1])
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// curl keeps an answer in a file: what is refused is said, and leaves no file, nor does what breaks.
func (u *Use) curl(file, address string) string {
	return fmt.Sprintf(`curl --no-progress-meter --fail-with-body -H "Authorization: Bearer ${LEASE:?%s}" -o %s.part \
  %s && mv %[2]s.part %[2]s || { [ $? != 22 ] || cat %[2]s.part; rm -f %[2]s.part; false; }`, u.Missing, file, shell(address))
}

// lease is Python that takes the lease, or says what is missing.
func (u *Use) lease() string {
	return `lease = os.environ.get("LEASE") or sys.exit(` + quoted(u.Missing) + ")"
}

// python opens a stream as batches, and says what is refused; do is what it does with them.
func (u *Use) python(modules, rows string, do ...string) string {
	return "import os, sys, urllib.error, urllib.request, pyarrow as pa" + modules + "\n" + u.lease() + "\n" +
		"ask = urllib.request.Request(" + quoted(u.address("stream", rows)) + `, headers={"Authorization": "Bearer " + lease})
try:
    batches = pa.ipc.open_stream(urllib.request.urlopen(ask))
except urllib.error.HTTPError as e:
    sys.exit(e.read().decode())
` + strings.Join(do, "\n")
}

// options are those of the kit's Dataset.
func (u *Use) options() (out string) {
	for _, o := range [][2]string{{"table", u.Table}, {"split", u.Split}, {"run", string(u.Run)}} {
		if o[1] != "" {
			out += ", " + o[0] + "=" + quoted(o[1])
		}
	}
	return out
}

// flags are those of the command line.
func (u *Use) flags() (out string) {
	for _, o := range [][2]string{{" --table ", u.Table}, {" --split ", u.Split}} {
		if o[1] != "" {
			out += o[0] + shell(o[1])
		}
	}
	return out + u.run(" --run ")
}

func (u *Use) run(flag string) string {
	if u.Run == "" {
		return ""
	}
	return flag + shell(string(u.Run))
}

// quoted is a text as Python writes it.
func quoted(s string) string { return strconv.QuoteToASCII(s) }

// shell is a word of a shell: as it is where that is harmless, else in quotes.
func shell(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+,=") == "" && s[0] != '-' {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
