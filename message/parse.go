package message

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strings"
	"sync"
)

// Bounds of the structure that is followed. Containers deeper than maxDepth are
// opaque text; after maxParts no delimiter opens another part.
const (
	maxDepth = 100
	maxParts = 10_000

	lineBuffer = 16 << 10 // a longer line comes in pieces and is no delimiter
)

// Parse reads a message once, from start to end, and gives its root. The error
// is r's own; whatever r gives has a structure.
func Parse(r io.Reader) (*Part, error) {
	lines := readers.Get().(*bufio.Reader)
	lines.Reset(r)
	defer func() {
		lines.Reset(nil) // it must not keep r
		readers.Put(lines)
	}()
	p := &parser{
		r:     lines,
		marks: map[string]int{},
		col:   collector{envelopeLeft: maxEnvelope, mimeLeft: maxMIME, values: map[string][]byte{}},
	}
	root := p.push(true, false)
	if err := p.run(); err != nil {
		return nil, err
	}
	p.closeTo(0, p.off)
	return root, nil
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, lineBuffer) }}

// parser keeps the entities that are open at the current line, outermost
// first. Only the last one can be in its header.
type parser struct {
	r    *bufio.Reader
	off  int64 // of the current line
	lf   int64 // line feeds before off
	eol  int64 // length of the line end just before off
	last byte  // octet just before off

	open  []entity
	marks map[string]int // boundary: the innermost open multipart that has it, as index into open
	parts int
	col   collector
}

type entity struct {
	part     *Part
	inHeader bool
	root     bool  // root of a message
	digest   bool  // in a multipart/digest, where the default is message/rfc822 (RFC 2046 §5.1.5)
	bodyLF   int64 // line feeds before the body
	boundary string
	hidden   int // what marks said about boundary before: an outer multipart may use the same
}

func (p *parser) run() error {
	start := true
	for {
		if !p.open[len(p.open)-1].inHeader && len(p.marks) == 0 {
			return p.drain()
		}
		b, err := p.r.ReadSlice('\n')
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
			return err
		}
		whole := start && err != bufio.ErrBufferFull
		if len(b) > 0 {
			p.piece(b, start, whole)
			p.advance(b)
		}
		if err == io.EOF {
			return nil
		}
		start = err == nil
	}
}

// piece takes in a line, or a piece of a long one.
func (p *parser) piece(b []byte, start, whole bool) {
	if whole && len(p.marks) > 0 && b[0] == '-' {
		if level, closing, ok := p.delimiter(b); ok && p.cross(level, closing, p.off+int64(len(b))) {
			return
		}
	}
	e := &p.open[len(p.open)-1]
	switch {
	case !e.inHeader:
	case whole && b[len(b)-1] == '\n' && len(trimEOL(b)) == 0:
		p.endHeader(p.off+int64(len(b)), p.lf+1)
	default:
		p.col.piece(b, start, e.root)
	}
}

// advance moves past b.
func (p *parser) advance(b []byte) {
	n := len(b)
	before := p.last
	if n > 1 {
		before = b[n-2]
	}
	p.last = b[n-1]
	p.off += int64(n)
	p.eol = 0
	if p.last == '\n' {
		p.lf++
		p.eol = 1
		if before == '\r' {
			p.eol = 2
		}
	}
}

// drain counts what is left when nothing more can be found in it.
func (p *parser) drain() error {
	for {
		if _, err := p.r.Peek(1); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		b, _ := p.r.Peek(p.r.Buffered())
		p.off += int64(len(b))
		p.lf += int64(bytes.Count(b, []byte{'\n'}))
		p.r.Discard(len(b)) // cannot fail: it is buffered
	}
}

// delimiter tells whether line is a delimiter of an open multipart (RFC 2046
// §5.1.1): "--", the boundary, "--" when it closes, and white space. Whole
// boundaries are compared, so one that starts like another is not mistaken for
// it; where two readings fit, the inner multipart has it.
func (p *parser) delimiter(line []byte) (level int, closing, ok bool) {
	line = bytes.TrimRight(line, " \t\r\n")
	if !bytes.HasPrefix(line, []byte("--")) {
		return 0, false, false
	}
	line = line[2:]
	level, ok = p.marks[string(line)]
	if inner, found := bytes.CutSuffix(line, []byte("--")); found {
		if l, isClose := p.marks[string(inner)]; isClose && (!ok || l > level) {
			return l, true, true
		}
	}
	return level, false, ok
}

// cross ends what the delimiter of open[level] ends, and starts the next part
// after it. It declines a delimiter that would open a part too many: the part
// before goes on to the end of its multipart.
func (p *parser) cross(level int, closing bool, after int64) bool {
	if !closing && p.parts >= maxParts && len(p.open) == level+2 {
		return false
	}
	p.closeTo(level+1, p.off-p.eol)
	m := &p.open[level]
	switch {
	case closing:
		p.unmark(m)
	case p.parts < maxParts:
		digest := m.part.Subtype == "digest"
		parent := m.part
		child := p.push(false, digest)
		child.HeaderStart = after
		parent.Parts = append(parent.Parts, child)
	}
	return true
}

// push opens an entity in its header, which starts at the current line.
func (p *parser) push(root, digest bool) *Part {
	part := &Part{HeaderStart: p.off}
	p.parts++
	p.open = append(p.open, entity{part: part, inHeader: true, root: root, digest: digest})
	return part
}

// endHeader ends the header of the last open entity where its body starts, and
// opens what the body holds.
func (p *parser) endHeader(body, lf int64) {
	e := &p.open[len(p.open)-1]
	e.inHeader = false
	e.bodyLF = lf
	e.part.BodyStart = body
	p.col.flush()
	describe(e.part, p.col.values, e.root, e.digest)
	clear(p.col.values)
	if !e.part.isContainer() {
		return
	}
	if len(p.open) > maxDepth || p.parts >= maxParts {
		e.part.Type, e.part.Subtype, e.part.Params = "text", "plain", nil
		return
	}
	if e.part.Type == "multipart" {
		// RFC 2046 §5.1.1: a boundary does not end in white space.
		if b := strings.TrimRight(e.part.Param("boundary"), " \t"); b != "" {
			p.mark(e, b)
		}
		return
	}
	part := e.part
	nested := p.push(true, false) // e is not valid after this
	nested.HeaderStart = body
	part.Message = nested
}

// isContainer tells whether the body holds parts of its own.
func (p *Part) isContainer() bool {
	return p.Type == "multipart" || p.Type == "message" && (p.Subtype == "rfc822" || p.Subtype == "global")
}

func (p *parser) mark(e *entity, boundary string) {
	e.boundary, e.hidden = boundary, -1
	if old, ok := p.marks[boundary]; ok {
		e.hidden = old
	}
	p.marks[boundary] = len(p.open) - 1
}

func (p *parser) unmark(e *entity) {
	if e.boundary == "" {
		return
	}
	if e.hidden >= 0 {
		p.marks[e.boundary] = e.hidden
	} else {
		delete(p.marks, e.boundary)
	}
	e.boundary = ""
}

// closeTo ends all entities from open[level] on, inner ones first. A delimiter
// owns the line end before it, so end may lie before a body that only just
// began; then that entity, and those around it, end where the body starts.
func (p *parser) closeTo(level int, end int64) {
	for len(p.open) > level {
		e := &p.open[len(p.open)-1]
		if e.inHeader {
			end = max(end, e.part.HeaderStart)
			p.endHeader(end, p.lfBefore(end)) // may open a message within, which this loop ends
			continue
		}
		end = max(end, e.part.BodyStart)
		e.part.End = end
		e.part.Lines = p.lfBefore(end) - e.bodyLF
		p.unmark(e)
		if e.part.Type == "multipart" && len(e.part.Parts) == 0 {
			e.part.Parts = []*Part{textOf(e.part)}
		}
		p.open = slices.Delete(p.open, len(p.open)-1, len(p.open))
	}
}

// lfBefore counts the line feeds before off, which is the start of the current
// line or of the line end before it.
func (p *parser) lfBefore(off int64) int64 {
	if off < p.off {
		return p.lf - 1
	}
	return p.lf
}

// textOf is the one child of a multipart without delimiters: its whole body.
func textOf(m *Part) *Part {
	return &Part{
		HeaderStart: m.BodyStart, BodyStart: m.BodyStart, End: m.End, Lines: m.Lines,
		Type: "text", Subtype: "plain", Params: defaultParams, Encoding: m.Encoding,
	}
}
