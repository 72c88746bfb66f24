// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

import QtQuick
import QtQuick.Controls as Controls
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.asyncoro.discoro

/** Asks which scheduler to connect to, for the cluster's secret, as a file or itself, and for the files of TLS. */
Kirigami.Dialog {
    id: root

    required property Cluster cluster
    readonly property bool usable: cluster.isAddress(address.text)

    title: qsTr("Connect to a scheduler")
    preferredWidth: Kirigami.Units.gridUnit * 28
    padding: Kirigami.Units.largeSpacing
    standardButtons: Kirigami.Dialog.NoButton
    customFooterActions: [
        Kirigami.Action {
            text: qsTr("Connect")
            icon.name: "network-connect"
            enabled: root.usable
            onTriggered: root.connectNow()
        },
        Kirigami.Action {
            text: qsTr("Cancel")
            icon.name: "dialog-cancel"
            onTriggered: root.close()
        }
    ]

    function connectNow(): void {
        if (!usable)
            return;
        cluster.scheduler = address.text;
        cluster.secretFile = file.text;
        cluster.certificateFile = certificate.text;
        cluster.keyFile = key.text;
        cluster.authorityFile = authority.text;
        if (secret.text.length > 0)
            cluster.setSecret(secret.text);
        secret.clear();
        cluster.open();
        close();
    }

    onOpened: {
        address.text = cluster.scheduler || "127.0.0.1:51350";
        file.text = cluster.secretFile;
        certificate.text = cluster.certificateFile;
        key.text = cluster.keyFile;
        authority.text = cluster.authorityFile;
        address.forceActiveFocus();
        address.selectAll();
    }

    Kirigami.FormLayout {
        Controls.TextField {
            id: address
            objectName: "address"
            Kirigami.FormData.label: qsTr("Scheduler:")
            Layout.fillWidth: true
            placeholderText: qsTr("host:port")
            onAccepted: root.connectNow()
            Accessible.name: qsTr("Address of the scheduler")
        }
        FileField {
            id: file
            Kirigami.FormData.label: qsTr("Secret file:")
            fieldName: "secretFile"
            title: qsTr("File with the cluster's secret")
            onAccepted: root.connectNow()
        }
        Kirigami.PasswordField {
            id: secret
            objectName: "secret"
            Kirigami.FormData.label: qsTr("Or the secret:")
            Layout.fillWidth: true
            enabled: file.text.length === 0
            placeholderText: ""
            onAccepted: root.connectNow()
            Accessible.name: qsTr("The cluster's secret")
        }
        FileField {
            id: certificate
            Kirigami.FormData.label: qsTr("Certificate (TLS):")
            fieldName: "certificateFile"
            title: qsTr("File with the certificate of this program")
            onAccepted: root.connectNow()
        }
        FileField {
            id: key
            Kirigami.FormData.label: qsTr("Its key:")
            fieldName: "keyFile"
            title: qsTr("File with the key of the certificate")
            onAccepted: root.connectNow()
        }
        FileField {
            id: authority
            Kirigami.FormData.label: qsTr("Authority:")
            fieldName: "authorityFile"
            title: qsTr("File with the certificate of the cluster's authority")
            onAccepted: root.connectNow()
        }
        Controls.Label {
            objectName: "hint"
            Layout.fillWidth: true
            Layout.maximumWidth: Kirigami.Units.gridUnit * 18
            wrapMode: Text.Wrap
            font: Kirigami.Theme.smallFont
            opacity: 0.75
            text: {
                if (address.text.length > 0 && !root.usable)
                    return qsTr("The address should read host:port, such as 192.168.1.2:51350.");
                return qsTr("All processes of a cluster share its secret, or have certificates of one authority, "
                            + "or both. A scheduler without is reached from its own machine only.");
            }
        }
    }
}
