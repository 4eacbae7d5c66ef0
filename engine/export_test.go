package engine

// SetChainBuffer makes Compile form chains over buffers of that many elements or more,
// whatever they compute again, until restore is called.
func SetChainBuffer(n int) (restore func()) {
	buffer, macs := chainBuffer, chainMacs
	chainBuffer, chainMacs = n, 1<<60
	return func() { chainBuffer, chainMacs = buffer, macs }
}

// SetWinograd makes Compile choose Winograd's algorithm from that many channels and tiles
// on, until restore is called.
func SetWinograd(channels, tiles int) (restore func()) {
	c, t := winogradChannels, winogradTiles
	winogradChannels, winogradTiles = channels, tiles
	return func() { winogradChannels, winogradTiles = c, t }
}
