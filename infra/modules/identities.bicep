// One identity for each part, so that each can be given only what it needs.
import { identityRef } from 'types.bicep'

param location string
param tags object
param suffix string

var names = ['functions', 'worker', 'scaler', 'pull']

resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = [for name in names: {
  name: 'id-${name}-${suffix}'
  location: location
  tags: tags
}]

@description('The API: reads and writes the workspace and the platform container, sends wakes.')
output functions identityRef = { id: identities[0].id, principalId: identities[0].properties.principalId, clientId: identities[0].properties.clientId }

@description('The workers of this workspace: the workspace, its queues, nothing else.')
output worker identityRef = { id: identities[1].id, principalId: identities[1].properties.principalId, clientId: identities[1].properties.clientId }

@description('The scaler of the jobs: reading queue lengths needs manage rights, so experiment code must never see it.')
output scaler identityRef = { id: identities[2].id, principalId: identities[2].properties.principalId, clientId: identities[2].properties.clientId }

@description('Pulls images.')
output pull identityRef = { id: identities[3].id, principalId: identities[3].properties.principalId, clientId: identities[3].properties.clientId }
