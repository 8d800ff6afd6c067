"""Tiny models with random weights, and tokenizers made on the spot: nothing is fetched."""

from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertModel,
    BloomConfig,
    BloomForCausalLM,
    ByT5Tokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

LETTERS = [*"abcdefghijklmnopqrstuvwxyz", *"⊢:=()+ \n"]
VOCABULARY = ["</s>", *LETTERS]
WORDS = len(VOCABULARY)


def letters(words=VOCABULARY):
    """A tokenizer with one token a letter; token 0 ends a text, token 1 is any other letter."""
    raw = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, words[1]))
    raw.pre_tokenizer = pre_tokenizers.Split(Regex("[\\s\\S]"), "isolated")
    raw.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="</s>")


def seeded(kind, config, spread, seed=0):
    """A model whose random scores differ enough to tell likely from unlikely."""
    torch.manual_seed(seed)
    model = kind(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(spread)
    if model.can_generate():
        model.generation_config.eos_token_id = config.eos_token_id
    return model


def gpt2(words=WORDS, spread=6.0):
    config = GPT2Config(
        vocab_size=words, n_positions=256, n_embd=32, n_layer=2, n_head=4,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    return seeded(GPT2LMHeadModel, config, spread)


def llama(words=WORDS, spread=6.0, layers=2):
    """Four heads over two key heads."""
    config = LlamaConfig(
        vocab_size=words, hidden_size=32, intermediate_size=64, num_hidden_layers=layers,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    return seeded(LlamaForCausalLM, config, spread)


def mistral(words=WORDS, spread=6.0):
    """One that sees its last eight tokens only."""
    config = MistralConfig(
        vocab_size=words, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
        sliding_window=8, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    return seeded(MistralForCausalLM, config, spread)


def bloom(words=WORDS, spread=6.0):
    """One whose scores fall with distance (ALiBi) and that takes no positions."""
    config = BloomConfig(
        vocab_size=words, hidden_size=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0
    )
    return seeded(BloomForCausalLM, config, spread)


def t5(words=384, spread=2.0, seed=0):
    """ByT5's shape: a gated T5 over bytes."""
    make: Any = T5Config  # its signature leaves out what it takes
    config = make(
        vocab_size=words, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_decoder_layers=2,
        num_heads=4, feed_forward_proj="gated-gelu", tie_word_embeddings=False,
        decoder_start_token_id=0, pad_token_id=0, eos_token_id=1,
    )  # fmt: skip
    return seeded(T5ForConditionalGeneration, config, spread, seed)


def bert(words=WORDS, spread=2.0):
    """An encoder of sentences."""
    config = BertConfig(
        vocab_size=words, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=256, pad_token_id=0,
    )  # fmt: skip
    return seeded(BertModel, config, spread)


def byte_tokenizer():
    return ByT5Tokenizer()


def saved(model, tokenizer, folder):
    """A folder as `from_pretrained` reads it."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
