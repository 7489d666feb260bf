package message

import "strings"

// defaultParams go with the type of a part that has no Content-Type (RFC 2045 §5.2).
var defaultParams = []Param{{"charset", "us-ascii"}}

// describe fills a part in from the fields of its header.
func describe(p *Part, v map[string][]byte, root, digest bool) {
	if root {
		p.Envelope = makeEnvelope(v)
	}
	p.Encoding = cutComment(string(v["content-transfer-encoding"]))
	if ct, ok := v["content-type"]; ok {
		p.Type, p.Subtype, p.Params = parseType(string(ct))
	} else if digest {
		p.Type, p.Subtype = "message", "rfc822"
	} else {
		p.Type, p.Subtype, p.Params = "text", "plain", defaultParams
	}
	if p.Type == "message" && p.isContainer() && isEncoded(p.Encoding) {
		p.Type, p.Subtype = "application", "octet-stream"
	}
	p.ID = string(v["content-id"])
	p.Description = string(v["content-description"])
	p.MD5 = string(v["content-md5"])
	p.Location = string(v["content-location"])
	p.Disposition, p.DispositionParams = parseMedia(string(v["content-disposition"]))
	for _, l := range strings.Split(string(v["content-language"]), ",") {
		if l = cutComment(l); l != "" {
			p.Language = append(p.Language, l)
		}
	}
}

// isEncoded tells whether a transfer encoding hides the octets.
func isEncoded(encoding string) bool {
	return strings.EqualFold(encoding, "base64") || strings.EqualFold(encoding, "quoted-printable")
}
