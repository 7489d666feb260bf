package peer

import "strings"

// lastOfEach leaves of each parameter of a main.cf the setting that counts, the
// last. Postfix warns of each that is overridden, from every daemon as it starts:
// postlogd among them, which waits for ever when its own warning finds the queue of
// its socket full.
func lastOfEach(mainCF string) string {
	var settings []string // each with the lines that continue it
	at := map[string]int{}
	for line := range strings.Lines(mainCF) {
		name, _, ok := strings.Cut(line, "=")
		switch name = strings.TrimSpace(name); {
		case strings.TrimSpace(line) == "":
		case line[0] == ' ' || line[0] == '\t' || !ok:
			settings[len(settings)-1] += line
		default:
			if i, set := at[name]; set {
				settings[i] = ""
			}
			at[name] = len(settings)
			settings = append(settings, line)
		}
	}
	return strings.Join(settings, "")
}
