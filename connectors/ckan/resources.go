package ckan

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

var mediaType = regexp.MustCompile(`^[a-z]+/[A-Za-z0-9][A-Za-z0-9.+_-]*$`)

// resources puts each resource that has an address as a distribution.
func (p *pack) resources(n rdf.Node) {
	left := map[string]bool{}
	for _, r := range list(p.members["resources"]) {
		if !slices.Contains([]string{"", "active"}, word(r["state"])) {
			continue
		}
		address := cmp.Or(word(r["access_url"]), word(r["url"]))
		at := link(address)
		if at == nil {
			p.note("resources: not carried over, as it has no whole address: %.200s", schemas.Visible(address+" "+word(r["name"])))
			continue
		}
		d := rdf.Node{"@type": []any{nsDCAT + "Distribution"}}
		if iri := p.resourceIRI(r); iri != "" {
			d["@id"] = iri
		}
		put(d, nsDCAT+"accessURL", at)
		switch download := link(word(r["download_url"])); {
		case download != nil:
			put(d, nsDCAT+"downloadURL", download)
		case word(r["url_type"]) == "upload": // a file that the portal itself holds
			put(d, nsDCAT+"downloadURL", at)
		}
		p.file(d, r)
		for name, v := range r {
			if !slices.Contains(known(), name) && says(v) {
				left[name] = true
			}
		}
		put(n, nsDCAT+"distribution", d)
	}
	if names := sortedKeys(left); len(names) > 0 {
		p.note("resources: not carried over: %s", strings.Join(names, ", "))
	}
}

// file puts what a resource says of its file.
func (p *pack) file(d, r rdf.Node) {
	put(d, nsDCT+"title", said(word(r["name"])))
	put(d, nsDCT+"description", said(word(r["description"])))
	put(d, nsDCT+"format", linkOr(word(r["format"])))
	if s := word(r["mimetype"]); mediaType.MatchString(s) && s != "application/unknown" {
		put(d, nsDCAT+"mediaType", rdf.Node{"@id": "https://www.iana.org/assignments/media-types/" + s})
	}
	if s := word(r["size"]); s != "" && strings.Trim(s, "0123456789") == "" {
		put(d, nsDCAT+"byteSize", typed(s, nsXSD+"nonNegativeInteger"))
	}
	put(d, nsDCT+"issued", instant(cmp.Or(word(r["issued"]), word(r["created"]))))
	put(d, nsDCT+"modified", instant(cmp.Or(word(r["modified"]), word(r["last_modified"]))))
	put(d, nsDCT+"license", link(word(r["license"])))
	if s := word(r["rights"]); s != "" {
		put(d, nsDCT+"rights", statement(s))
	}
	for _, s := range words(r["language"]) {
		put(d, nsDCT+"language", linkOr(s))
	}
	for _, name := range []string{"conforms_to", "conformsTo"} {
		for _, s := range words(r[name]) {
			put(d, nsDCT+"conformsTo", link(s))
		}
	}
	put(d, nsFOAF+"page", link(word(r["describedBy"])))
	put(d, "http://data.europa.eu/r5r/availability", link(word(r["availability"])))
	put(d, nsADMS+"status", link(word(r["status"])))
	sum, algorithm := strings.ToLower(word(r["hash"])), strings.ToLower(strings.ReplaceAll(word(r["hash_algorithm"]), "-", ""))
	if i := strings.IndexByte(sum, ':'); i > 0 {
		sum, algorithm = sum[i+1:], cmp.Or(algorithm, sum[:i])
	}
	algorithm = algorithm[strings.LastIndexAny(algorithm, "_/#")+1:]
	if sum != "" && slices.Contains([]string{"md5", "sha1", "sha256", "sha512"}, algorithm) {
		put(d, nsSPDX+"checksum", rdf.Node{
			"@type":                  []any{nsSPDX + "Checksum"},
			nsSPDX + "algorithm":     []any{rdf.Node{"@id": nsSPDX + "checksumAlgorithm_" + algorithm}},
			nsSPDX + "checksumValue": []any{typed(sum, nsXSD+"hexBinary")},
		})
	}
}

// known are members of resources that are carried over, or say nothing of the data.
func known() []string {
	return strings.Fields("access_url availability cache_last_updated cache_url conformsTo conforms_to created datastore_active describedBy " +
		"describedByType description download_url format hash hash_algorithm id issued language last_modified license metadata_modified " +
		"mimetype mimetype_inner modified name no_real_name package_id position resource_type revision_id rights size state status " +
		"tracking_summary uri url url_type webstore_last_updated webstore_url")
}

// resourceIRI is what a resource is called.
func (p *pack) resourceIRI(r map[string]any) string {
	if own := word(r["uri"]); link(own) != nil {
		return rdf.IRI(own)
	}
	of, id := word(p.members["id"]), word(r["id"])
	if p.portal == "" || of == "" || id == "" {
		return ""
	}
	return p.portal + "/dataset/" + url.PathEscape(of) + "/resource/" + url.PathEscape(id)
}

func sortedKeys(m map[string]bool) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
