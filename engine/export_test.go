package engine

// SetChainBuffer makes Compile form chains over buffers of that many elements or more,
// whatever they compute again and however often they are called, until restore is called.
func SetChainBuffer(n int) (restore func()) {
	buffer, macs, call := chainBuffer, chainMacs, chainCall
	chainBuffer, chainMacs, chainCall = n, 1<<60, 0
	return func() { chainBuffer, chainMacs, chainCall = buffer, macs, call }
}

// SetChainLimits bounds the rows of a band and the steps of a chain until restore is called.
func SetChainLimits(rows, steps int) (restore func()) {
	r, s := chainRows, chainSteps
	chainRows, chainSteps = rows, steps
	return func() { chainRows, chainSteps = r, s }
}

// SetWinograd makes Compile choose Winograd's algorithm from that many channels and tiles
// on, until restore is called.
func SetWinograd(channels, tiles int) (restore func()) {
	c, t := winogradChannels, winogradTiles
	winogradChannels, winogradTiles = channels, tiles
	return func() { winogradChannels, winogradTiles = c, t }
}

// SetPoison gives programs a poison where their options name none.
func SetPoison(p Poison) { poisonAll = p }

// Chains counts a plan's chains, and the values inside of them that others read too.
func Chains(p *Program) (chains, shared int) {
	for i := range p.steps {
		if ch, ok := p.steps[i].work.(*chain); ok {
			chains++
			for _, whole := range ch.whole {
				if whole {
					shared++
				}
			}
		}
	}
	return chains, shared
}

// BreakChunk makes a chunk of the program's first divided step panic: the one that the unit
// stands in.
func BreakChunk(p *Program, value any) bool {
	for i := range p.steps {
		if s := &p.steps[i]; s.Chunks > 1 {
			s.work = breaking{s.work, s.units / 2, value}
			return true
		}
	}
	return false
}

type breaking struct {
	runner
	unit  int
	value any
}

func (b breaking) run(c *ctx, u0, u1 int) {
	if u0 <= b.unit && b.unit < u1 {
		panic(b.value)
	}
	b.runner.run(c, u0, u1)
}
