package spaces

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"guichet/schemas"
)

// The embedded spaces are whole: each has its baseline, its profiles, a form and a sample.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	s, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i := range s.Spaces {
		p := &s.Spaces[i]
		ids = append(ids, string(p.ID))
		if p.Theme == "" || p.Title["en"] == "" || len(p.Required) == 0 || !strings.Contains(p.Baseline, "package guichet.space."+string(p.ID)) {
			t.Errorf("%s: %+v", p.ID, p)
		}
		if len(s.Forms[p.ID].Fields) == 0 || len(s.Samples[p.ID]) == 0 || s.Newest(p) == "" {
			t.Errorf("%s has no form, no sample or no published profile", p.ID)
		}
	}
	if !slices.Equal(ids, []string{"agriculture", "energy", "health", "mobility"}) {
		t.Errorf("%q", ids)
	}
	var versions []string
	for i := range s.Versions {
		v := &s.Versions[i]
		versions = append(versions, v.ID)
		if _, err := files.ReadFile(strings.TrimPrefix(v.At, "schemas/spaces/") + "/SOURCE.txt"); err != nil {
			t.Errorf("%s: nobody says where its files come from: %v", v.ID, err)
		}
		for _, file := range append(v.Shapes, v.Recommended...) {
			if len(v.Turtle[file]) == 0 {
				t.Errorf("%s: %s is empty", v.ID, file)
			}
		}
	}
	if want := []string{
		"dcat-ap/3.0.1", "healthdcat-ap/release-5", "healthdcat-ap/release-8", "mobilitydcat-ap/1.1.0", "mobilitydcat-ap/3.0.0-draft",
	}; !slices.Equal(versions, want) {
		t.Errorf("%q", versions)
	}
	for name, v := range s.Vocabularies {
		if len(v.Concepts) == 0 || !strings.HasPrefix(v.Base, v.Scheme) {
			t.Errorf("%s: scheme %s, base %s, %d concepts", name, v.Scheme, v.Base, len(v.Concepts))
		}
	}
	profiles, err := Profiles()
	if err != nil || len(profiles) != len(s.Spaces) {
		t.Errorf("%d spaces, %d profiles, %v", len(s.Spaces), len(profiles), err)
	}
}

// A draft is not what a space wants, whatever its place.
func TestNewest(t *testing.T) {
	t.Parallel()
	s, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"health": "healthdcat-ap/release-8", "mobility": "mobilitydcat-ap/1.1.0", "energy": "dcat-ap/3.0.1"} {
		i := slices.IndexFunc(s.Spaces, func(p schemas.SpaceProfile) bool { return string(p.ID) == id })
		if got := s.Newest(&s.Spaces[i]); got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	if got := s.Newest(&schemas.SpaceProfile{Profiles: []string{"mobilitydcat-ap/3.0.0-draft", "none/1"}}); got != "" {
		t.Errorf("a draft is wanted: %s", got)
	}
}

// Purposes of forms are those of the closed list, and names those of a request.
func TestForms(t *testing.T) {
	t.Parallel()
	s, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	purposes, err := schemas.Purposes()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, p := range purposes {
		known[p.ID] = true
	}
	for id, form := range s.Forms {
		for _, f := range form.Fields {
			if !isField(f.Name) || f.Label["en"] == "" {
				t.Errorf("%s asks for %q, %q", id, f.Name, f.Label["en"])
			}
			for _, c := range f.Choices {
				if f.Name == "purpose" && !known[c] {
					t.Errorf("%s offers the purpose %q, which is none", id, c)
				}
			}
		}
	}
}

// robotics is a folder of an operator's with one space.
func robotics() fstest.MapFS {
	return fstest.MapFS{
		"robotics/profile.json": {Data: []byte(`{
	"id": "robotics",
	"version": "1",
	"title": {"en": "Robotics"},
	"theme": "TECH",
	"required": ["title"],
	"profiles": ["robot-ap/1", "dcat-ap/3.0.1"]
}`)},
		"robotics/baseline.rego":           {Data: []byte("# comment\npackage guichet.space.robotics\n\nfindings(_, _) := set()\n")},
		"robotics/request.json":            {Data: []byte(`{"fields": [{"name": "answers/arm", "label": {"en": "Arm"}, "vocabulary": "arm"}]}`)},
		"robotics/robot-ap/1/version.json": {Data: []byte(`{"title": {"en": "Robot-AP"}, "status": "published", "extends": ["dcat-ap/3.0.1"], "shapes": ["s.ttl"]}`)},
		"robotics/robot-ap/1/s.ttl":        {Data: []byte("# none")},
		"vocabularies/arm.json":            {Data: []byte(`{"scheme": "https://arm.example", "base": "https://arm.example/", "concepts": {"six": {"en": "Six"}}}`)},
		"vocabularies/README.md":           {Data: []byte("not read")},
		"README.md":                        {Data: []byte("not read")},
	}
}

// A folder of an operator's adds a space, with what it names.
func TestFolder(t *testing.T) {
	t.Parallel()
	s, err := Load(Folder{"mine", robotics()})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Spaces) != 5 || s.Spaces[4].ID != "robotics" || s.Newest(&s.Spaces[4]) != "robot-ap/1" {
		t.Errorf("%+v", s.Spaces)
	}
	v, ok := s.Version("robot-ap/1")
	if !ok || v.At != "mine/robotics/robot-ap/1" || string(v.Turtle["s.ttl"]) != "# none" {
		t.Errorf("%+v", v)
	}
	if s.Forms["robotics"].Fields[0].From != "arm" || s.Vocabularies["arm"].Concepts["six"]["en"] != "Six" {
		t.Error("the form or its vocabulary is not there")
	}
}

// What is wrong in a folder is named by its file, and its line where there is one.
func TestFaults(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("# too much\n", maxFile/10)
	for file, cases := range map[string]map[string]string{
		"robotics/profile.json": {
			"{\n\"id\": \"robotics\",\n\"tittle\": {}}":                            "mine/robotics/profile.json: line 3: unknown field",
			"{\n\"id\": \"robotics\",\n\"title\": 1}":                              "profile.json: line 3: ",
			"{\n\"id\": \"robotics\"":                                              "profile.json: line 2: ",
			`{"id": "robots", "title": {"en": "R"}}`:                               "it is the folder's name",
			`{"id": "robotics", "title": {"de": "R"}}`:                             "no title in English",
			`{"id": "robotics", "title": {"en": "R"}, "profiles": ["robot-ap/2"]}`: `there is no profile "robot-ap/2"`,
			`{"id": "robotics", "title": {"en": "R"}} {}`:                          "more behind its end",
			`{"id": "robotics", "title": {"en": "R"}, "required": ["colour"]}`:     `required names "colour": a space can ask for title, description, licence, countries`,
		},
		"robotics/baseline.rego": {
			"package guichet.space.health\n": "its package is not package guichet.space.robotics",
			large:                            "larger than 4 MiB",
		},
		"robotics/request.json": {
			`{"fields": [{"name": "purpose", "label": {"en": "P"}, "vocabulary": "legs"}]}`: `there is no vocabulary "legs"`,
			`{"fields": [{"name": "shoe size", "label": {"en": "P"}}]}`:                     `"shoe size" is nothing that a request says`,
			`{"fields": 1}`: "request.json: line 1",
		},
		"robotics/robot-ap/1/version.json": {
			`{"status": "new", "shapes": ["s.ttl"]}`:                                         `its status is "new"`,
			`{"status": "draft"}`:                                                            "it names no shapes",
			`{"status": "draft", "shapes": ["none.ttl"]}`:                                    "robot-ap/1/none.ttl: it cannot be read",
			`{"status": "draft", "shapes": ["../../../../etc/passwd"]}`:                      "lies in the folder of what names it",
			`{"status": "draft", "shapes": ["s.ttl"], "extends": ["dcat-ap/9"]}`:             `it extends "dcat-ap/9", which is not there`,
			`{"status": "draft", "shapes": ["s.ttl"], "extends": ["robot-ap/1"]}`:            `it extends "robot-ap/1", which is not there`,
			`{"status": "draft", "shapes": ["s.ttl"], "extends": ["mobilitydcat-ap/1.1.0"]}`: "which extends others itself",
			`{"status": "draft", "shapes": ["s.ttl"], "vocabularies": ["legs"]}`:             `there is no vocabulary "legs"`,
		},
		"robotics/Robot AP/1/version.json": {`{"status": "draft", "shapes": []}`: "is no name of a profile's version"},
		"dcat-ap/3.0.1/version.json":       {`{"status": "draft", "shapes": ["x.ttl"]}`: "there is a profile dcat-ap/3.0.1 already"},
		"health/profile.json":              {`{"id": "health", "title": {"en": "Mine"}}`: "there is a data space health already"},
		"vocabularies/data-theme.json":     {`{"scheme": "https://x.example"}`: "there is a vocabulary data-theme already"},
		"vocabularies/legs.json":           {`{"base": "https://x.example"}`: "it has no scheme", `[`: "legs.json: line 1"},
		"Big-Space/profile.json":           {`{"id": "Big-Space", "title": {"en": "Big"}}`: "lower-case letters"},
	} {
		for text, want := range cases {
			folder := robotics()
			folder[file] = &fstest.MapFile{Data: []byte(text)}
			_, err := Load(Folder{"mine", folder})
			if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "mine/") {
				t.Errorf("%s with %.80s: %v, want %q", file, text, err, want)
			}
		}
	}
}

// What a space cannot be without is missed, and the rest is not.
func TestMissing(t *testing.T) {
	t.Parallel()
	for _, file := range slices.Sorted(maps.Keys(robotics())) {
		folder := robotics()
		delete(folder, file)
		_, err := Load(Folder{"mine", folder})
		optional := slices.Contains([]string{"robotics/request.json", "README.md", "vocabularies/README.md"}, file)
		if optional != (err == nil) {
			t.Errorf("without %s: %v", file, err)
		}
	}
	_, err := Load(Folder{"gone", fstest.MapFS{}})
	if err != nil {
		t.Errorf("an empty folder: %v", err)
	}
	many := fstest.MapFS{}
	for range maxEntries + 1 {
		many["v/"+string(schemas.NewDatasetID())] = &fstest.MapFile{}
	}
	_, err = Load(Folder{"many", many})
	if err == nil || !strings.Contains(err.Error(), "1001 entries") {
		t.Errorf("%v", err)
	}
}

// Read-only: what one reader changes of the embedded spaces, the next does not see.
func TestEmbeddedIsReadAnew(t *testing.T) {
	t.Parallel()
	a, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	a.Spaces[0].Profiles[0] = "changed"
	a.Vocabularies["data-theme"].Concepts["ENER"]["en"] = "changed"
	b, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	if b.Spaces[0].Profiles[0] == "changed" || b.Vocabularies["data-theme"].Concepts["ENER"]["en"] != "Energy" {
		t.Error("readers share what they read")
	}
}

// Several folders add to each other; a later one may build on an earlier one.
func TestSeveralFolders(t *testing.T) {
	t.Parallel()
	later := fstest.MapFS{
		"drones/profile.json":            {Data: []byte(`{"id": "drones", "title": {"en": "Drones"}, "profiles": ["drone-ap/1", "robot-ap/1"]}`)},
		"drones/baseline.rego":           {Data: []byte("package guichet.space.drones\n")},
		"drones/drone-ap/1/version.json": {Data: []byte(`{"status": "draft", "shapes": ["s.ttl"], "vocabularies": ["arm"]}`)},
		"drones/drone-ap/1/s.ttl":        {Data: []byte("# none")},
	}
	s, err := Load(Folder{"mine", robotics()}, Folder{"later", later})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(s.Spaces, func(p schemas.SpaceProfile) bool { return p.ID == "drones" })
	if len(s.Spaces) != 6 || s.Newest(&s.Spaces[i]) != "robot-ap/1" {
		t.Errorf("%+v", s.Spaces)
	}
	_, err = Load(Folder{"later", later})
	if err == nil || !strings.Contains(err.Error(), `later/drones/drone-ap/1/version.json: there is no vocabulary "arm"`) {
		t.Errorf("%v", err)
	}
	_, err = Load(Folder{"mine", robotics()}, Folder{"again", robotics()})
	if err == nil || !strings.Contains(err.Error(), "again/robotics/profile.json: there is a data space robotics already") {
		t.Errorf("%v", err)
	}
}

// A common profile lies beside the spaces, in a folder without a profile.json.
func TestCommonProfile(t *testing.T) {
	t.Parallel()
	folder := robotics()
	folder["common-ap/2/version.json"] = &fstest.MapFile{Data: []byte(`{"title": {"en": "Common"}, "status": "superseded", "shapes": ["a.ttl"], "recommended": ["b.ttl"]}`)}
	folder["common-ap/2/a.ttl"] = &fstest.MapFile{Data: []byte("# a")}
	folder["common-ap/2/b.ttl"] = &fstest.MapFile{Data: []byte("# b")}
	s, err := Load(Folder{"mine", folder})
	if err != nil {
		t.Fatal(err)
	}
	v, ok := s.Version("common-ap/2")
	if !ok || len(v.Turtle) != 2 || v.Status != "superseded" || len(s.Spaces) != 5 {
		t.Errorf("%+v", v)
	}
	if _, ok := s.Version("common-ap/3"); ok {
		t.Error("there is a version that nobody wrote")
	}
}

// What a request may be asked is what it can say.
func TestIsField(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"purpose":       true,
		"contact":       true,
		"answers/arm":   true,
		"answers/Arm":   false,
		"answers/":      false,
		"answers/a b":   false,
		"project":       false,
		"":              false,
		"answers/../id": false,
	} {
		if isField(name) != want {
			t.Errorf("%q: not %v", name, want)
		}
	}
}

// What spaces demand of who registers are fields that a dataset has.
func TestRequirable(t *testing.T) {
	t.Parallel()
	set, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range set.Spaces {
		for _, field := range p.Required {
			if !slices.Contains(requirable(), field) {
				t.Errorf("%s demands %s", p.ID, field)
			}
		}
	}
}
