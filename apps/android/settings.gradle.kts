pluginManagement {
    repositories {
        google()
        mavenCentral()
        gradlePluginPortal()
    }
}

dependencyResolutionManagement {
    repositories {
        google()
        mavenCentral()
    }
}

rootProject.name = "edge-sample"
include(":app", ":digits")
// What `python apps/android/model.py` exports.
project(":digits").projectDir = file("digits/android")
