"""A real language model behind a real server (llama.cpp), and the contract that the local provider keeps with it."""
