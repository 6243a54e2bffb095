package io.mmpo.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HubSettingsTest {
    @Test
    void followTheVariablesOfHuggingFace() {
        HubSettings none = HubSettings.of(Map.of());
        assertThat(none.endpoint()).isEqualTo(URI.create("https://huggingface.co"));
        assertThat(none.cache()).isEqualTo(Path.of(System.getProperty("user.home"), ".cache/huggingface/hub"));
        assertThat(none.offline()).isFalse();
        assertThat(none.token()).isEmpty();
        HubSettings all = HubSettings.of(Map.of(
                "HF_ENDPOINT",
                "https://mirror.example/hf/",
                "HF_TOKEN",
                " t\n",
                "HF_HUB_OFFLINE",
                "true",
                "HF_HOME",
                "/h"));
        assertThat(all.endpoint()).isEqualTo(URI.create("https://mirror.example/hf"));
        assertThat(all.token()).hasValue("t");
        assertThat(all.offline()).isTrue();
        assertThat(all.cache()).isEqualTo(Path.of("/h/hub"));
        assertThat(HubSettings.of(Map.of("HF_HOME", "~/h", "HOME", "/u")).cache())
                .isEqualTo(Path.of("/u/h/hub"));
        assertThat(HubSettings.of(Map.of("HF_HUB_CACHE", "/c", "HF_HOME", "/h")).cache())
                .isEqualTo(Path.of("/c"));
        assertThat(HubSettings.of(Map.of("XDG_CACHE_HOME", "/x", "HOME", "/u")).cache())
                .isEqualTo(Path.of("/x/huggingface/hub"));
        assertThat(HubSettings.of(Map.of("HOME", "/u")).cache()).isEqualTo(Path.of("/u/.cache/huggingface/hub"));
        assertThatThrownBy(() -> HubSettings.of(Map.of("HF_ENDPOINT", "ftp://x")))
                .hasMessageContaining("HF_ENDPOINT");
        assertThatThrownBy(() -> HubSettings.of(Map.of("HF_ENDPOINT", "https://user@x")))
                .hasMessageContaining("HF_ENDPOINT");
    }

    @Test
    void onlyTheEndpointItselfGetsTheToken() {
        HubSettings settings = HubSettings.of(Map.of("HF_ENDPOINT", "https://hub.example"));
        assertThat(settings.isEndpoint(URI.create("https://hub.example/x"))).isTrue();
        assertThat(settings.isEndpoint(URI.create("http://hub.example/x"))).isFalse();
        assertThat(settings.isEndpoint(URI.create("https://hub.example:444/x"))).isFalse();
        assertThat(settings.isEndpoint(URI.create("https://hub.example.org/x"))).isFalse();
    }

    @Test
    void namesOfRepositories() {
        assertThat(HubRepository.parse(HubRepository.Type.DATASET, "a/b-c.d@refs/pr/1"))
                .hasValue(new HubRepository(HubRepository.Type.DATASET, "a/b-c.d", "refs/pr/1"));
        assertThat(HubRepository.parse(HubRepository.Type.MODEL, "a/b"))
                .hasValue(new HubRepository(HubRepository.Type.MODEL, "a/b", "main"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "a",
                "a/b/c",
                "/a/b",
                "../b",
                "a/..",
                "a/b@",
                "a/b@../x",
                "a b/c",
                "a/b.",
                ".a/b",
                "a--x/b",
                "~/b"
            })
    void otherTextIsNoRepository(String text) {
        assertThat(HubRepository.parse(HubRepository.Type.MODEL, text)).isEmpty();
    }
}
