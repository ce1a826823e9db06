"""Small language models of the Llama type: their files and tokenizers."""
