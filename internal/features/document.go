package features

// Document is what the maps of a layer are in JSON, for the terminal and the page alike.
type Document struct {
	Model     string  `json:"model"`
	Layer     string  `json:"layer"`
	Image     string  `json:"image"` // the photograph, as it was named
	Maps      int     `json:"maps"`
	Height    int     `json:"height"`
	Width     int     `json:"width"`
	Redundant int     `json:"redundant"` // maps that have another with a correlation of Alike or more in size
	Constant  int     `json:"constant"`
	Alike     float64 `json:"alike_from"`
	Pairs     []Pair  `json:"pairs"`
	Ghosts    []Pair  `json:"ghosts"`
}

// Document describes the maps that a model makes of an image.
func (m *Maps) Document(model, image string) Document {
	pairs := m.Pairs()
	alike, constant := m.Redundant(pairs)
	return Document{model, m.Layer, image, m.C, m.H, m.W, alike, constant, Alike, append([]Pair{}, pairs...), append([]Pair{}, m.Ghosts...)}
}
