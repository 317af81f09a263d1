"""The ways out of the house: what each kind of channel is told, how it is called, and what its answers mean."""
